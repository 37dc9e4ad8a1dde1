"""A bounded number of seeds, each a whole cluster under faults, in a process whose order of sets is fixed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.mutations import MUTATIONS

SEEDS = 6
NOTICED_WITHIN = {
    "forget_producers_with_a_new_leader": (10, 30),
    "forget_where_an_epoch_began": (80, 40),
    "let_anybody_commit_in_a_transaction": (84, 40),
    "show_offsets_of_before_a_transaction": (17, 40),
}
"""Where to look for a broken rule: the first seed and at most how many."""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("first", [0, SEEDS])
def test_whatever_befalls_a_cluster_nothing_acknowledged_is_lost_and_nobody_waits_for_ever(first: int) -> None:
    run = _run("--seeds", str(SEEDS), "--from", str(first))
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("rule", MUTATIONS)
def test_a_rule_that_is_broken_on_purpose_is_noticed(rule: str) -> None:
    first, seeds = NOTICED_WITHIN.get(rule, (0, 20))
    run = _run("--seeds", str(seeds), "--from", str(first), "--stop", "--break", rule)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "replay: python -m tests.simulation" in run.stdout
    assert "TypeError" not in run.stdout, "the wrong rule does not fit in the right one's place"


def test_the_same_seed_is_the_same_run() -> None:
    assert _run("3").stdout == _run("3").stdout
