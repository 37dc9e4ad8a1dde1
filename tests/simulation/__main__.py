"""`python -m tests.simulation SEED` replays one run; `--seeds N [--from S] [--jobs J]` looks through many."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.simulation.many import outcomes, run
from tests.simulation.mutations import MUTATIONS


def main() -> int:
    """Return 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("seed", nargs="*", type=int, help="seeds to replay, with what happened")
    parser.add_argument("--seeds", type=int, default=0, help="how many seeds to look through")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, help="how many to run at a time (0: one a processor)")
    parser.add_argument("--stop", action="store_true", help="stop at the first failure")
    parser.add_argument("--break", dest="broken", choices=sorted(MUTATIONS), help="with this rule broken")
    given = parser.parse_args()
    again = f" --break {given.broken}" if given.broken else ""
    for seed in given.seed:
        outcome = run(given.broken, seed)
        print(outcome.plan, *outcome.told, sep="\n")
        print(f"{outcome.acknowledged} acknowledged, {outcome.lab_ms / 1000:.0f} s lab time, run {outcome.digest}")
        print(*outcome.failures, sep="\n")
    looked_at = bad = 0
    began, lab_ms = time.monotonic(), 0.0
    seeds = range(given.first, given.first + given.seeds)
    for outcome in outcomes(seeds, given.broken, given.jobs or os.cpu_count() or 1):
        looked_at, lab_ms = looked_at + 1, lab_ms + outcome.lab_ms
        if outcome.failures:
            bad += 1
            print(f"seed {outcome.plan.seed}: " + "\n  ".join(outcome.failures), flush=True)
            print(f"  replay: python -m tests.simulation {outcome.plan.seed}{again}", flush=True)
            if given.stop:
                break
    if given.seeds:
        took = time.monotonic() - began
        print(f"{looked_at} seeds, {bad} failed, {took:.0f} s, {lab_ms / 1000:.0f} s of lab time")
    return bool(bad)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of names would be gone through in another order each time
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    sys.exit(main())
