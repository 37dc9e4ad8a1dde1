"""Many seeds, one after the other or in several processes at a time."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from functools import partial

from tests.simulation.mutations import MUTATIONS
from tests.simulation.world import Outcome, simulate


def run(broken: str | None, seed: int) -> Outcome:
    """One seed, with a rule broken if one is named."""
    return simulate(seed, MUTATIONS[broken]() if broken else None)


def outcomes(seeds: range, broken: str | None, jobs: int) -> Iterator[Outcome]:
    """Of all these seeds, in their order."""
    if jobs == 1:
        yield from map(partial(run, broken), seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(partial(run, broken), seeds, chunksize=4)
