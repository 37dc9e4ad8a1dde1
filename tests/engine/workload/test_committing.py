"""What a driven consumer commits, and when: by its rule, and to the very record it has processed."""

from __future__ import annotations

import pytest

from tests.engine.workload.bench import P0, P1, Bench


async def test_after_commits_each_poll_once_it_is_processed(make: type[Bench]) -> None:
    bench = make(max_poll_records=10)
    await bench.begin(P0, records=25)
    await bench.clock.advance(99)
    assert bench.board.committed == {}
    await bench.clock.advance(201)
    assert [offsets for _, offsets in bench.board.commits] == [{P0: 10}, {P0: 20}, {P0: 25}]


async def test_auto_commits_what_is_processed_when_the_interval_is_over_and_it_polls(make: type[Bench]) -> None:
    bench = make(commit="auto", auto_commit_interval_ms=1_000, max_poll_records=30)
    await bench.begin(P0, records=1_000)
    await bench.clock.advance(1_190)
    assert bench.board.committed == {}
    await bench.clock.advance(20)
    assert bench.board.committed == {P0: 120}, "the poll at hand when the interval ended, and no more"


async def test_auto_commits_while_there_is_nothing_to_do_and_not_twice_the_same(make: type[Bench]) -> None:
    bench = make(commit="auto", auto_commit_interval_ms=1_000)
    await bench.begin(P0, records=10)
    await bench.clock.advance(20_000)
    assert bench.board.commits == [("billing-1", {P0: 10})]


@pytest.mark.parametrize("commit", ["auto", "after", "before"])
async def test_a_silent_one_commits_nothing_until_it_speaks_again(make: type[Bench], commit: str) -> None:
    bench = make(commit=commit, auto_commit_interval_ms=1_000, max_poll_records=10)
    await bench.begin(P0)
    bench.driven.heartbeating = False
    bench.board.fill(P0, 10)
    await bench.clock.advance(5_000)
    assert bench.driven.processed == 10
    assert bench.board.commits == []
    bench.driven.heartbeating = True
    bench.board.fill(P0, 10)
    await bench.clock.advance(5_000)
    assert bench.board.committed == {P0: 20}


async def test_before_commits_a_poll_and_then_processes_it(make: type[Bench]) -> None:
    bench = make(commit="before", max_poll_records=10)
    await bench.begin(P0, records=25)
    assert bench.board.committed == {P0: 10}
    assert bench.driven.processed == 0
    await bench.clock.advance(100)
    assert bench.board.committed == {P0: 20}


@pytest.mark.parametrize(("commit", "committed"), [("auto", 0), ("after", 10), ("before", 20)])
async def test_a_crash_commits_nothing_more(make: type[Bench], commit: str, committed: int) -> None:
    bench = make(commit=commit, max_poll_records=10)
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    bench.driven.crash()
    await bench.clock.advance(60_000)
    assert bench.board.committed.get(P0, 0) == committed
    assert bench.driven.state.value == "crashed"
    assert bench.client.state == "crashed"
    assert bench.driven.processed == 15


@pytest.mark.parametrize(("commit", "committed"), [("auto", 15), ("after", 15), ("before", 20)])
async def test_a_clean_stop_commits_to_the_very_record_it_has_processed(
    make: type[Bench], commit: str, committed: int
) -> None:
    bench = make(commit=commit, max_poll_records=10)
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    await bench.driven.stop()
    assert bench.board.committed == {P0: committed}
    assert bench.client.state == "stopped"
    assert bench.driven.state.value == "stopped"


async def test_a_partition_that_is_given_up_is_committed_to_where_it_was_processed_and_no_further(
    make: type[Bench],
) -> None:
    bench = make(commit="auto")
    await bench.begin(P0, P1, records=100)
    await bench.clock.advance(155)
    assert bench.driven.view().activity == "processing orders-0 @ 15"
    await bench.client.assign_to(P1)
    assert bench.board.committed == {P0: 15, P1: 0}
    assert not bench.driven.owns(P0)
    assert bench.driven.position(P0) is None
    await bench.clock.advance(2_000)
    assert bench.driven.processed == 15 + 100
    assert bench.driven.position(P1) == 100


async def test_what_is_left_of_a_poll_is_not_processed_twice_when_its_partition_comes_back(make: type[Bench]) -> None:
    bench = make(commit="after", processing_ms=100)
    await bench.begin(P0, records=10)
    await bench.clock.advance(250)
    await bench.client.assign_to(P0)
    await bench.clock.advance(5_000)
    assert bench.driven.processed == 10
    assert bench.board.committed == {P0: 10}
