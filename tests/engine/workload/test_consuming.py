import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.errors import FencedInstanceIdError, NetworkError, NoOffsetForPartitionError
from engine.metrics import Meter
from engine.types import TopicPartition
from engine.workload.consuming import DrivenConsumer
from engine.workload.driven import Driven
from engine.workload.member import DrivenMember
from engine.workload.spec import ConsumerSpec
from tests.engine.workload.fakes import Board, FakeConsumer, tps

P0, P1, P2 = tps("orders", range(3))


class Bench:
    """One driven consumer on a clock turned by hand."""

    def __init__(self, **spec: Any) -> None:
        spec = {"processing_ms": 10, "jitter": 0, "commit": "after", "seed": 1, **spec}
        self.clock = ManualClock(1_000_000)
        self.board = Board(self.clock)
        self.total = Meter()
        self.ended: list[BaseException] = []
        self.changes = 0
        self.driven = DrivenConsumer(
            ConsumerSpec("billing", ("orders",), **spec),
            "billing-1",
            self.clock,
            self.total,
            self._make,
            self._change,
            self._end,
        )

    def _make(self, driven: DrivenMember, membership: Mapping[str, Any] | None) -> Any:
        return FakeConsumer(self.board, client_id=driven.name, resume=membership)

    def _change(self, driven: DrivenMember) -> None:
        self.changes += 1

    def _end(self, driven: Driven, error: BaseException) -> None:
        self.ended.append(error)

    @property
    def client(self) -> FakeConsumer:
        return self.board.consumers[-1]

    async def begin(self, *partitions: TopicPartition, records: int = 0) -> None:
        for tp in partitions:
            self.board.fill(tp, records)
        await self.driven.start()
        await self.client.assign_to(*partitions)
        await self.clock.settle()


@pytest.fixture
async def make() -> AsyncIterator[type[Bench]]:
    made: list[Bench] = []

    class Kept(Bench):
        def __init__(self, **spec: Any) -> None:
            super().__init__(**spec)
            made.append(self)

    yield Kept
    for bench in made:
        if bench.driven.alive:
            bench.driven.crash()
        await bench.clock.settle()


async def test_each_record_takes_its_processing_time(make: type[Bench]) -> None:
    bench = make(processing_ms=10)
    await bench.begin(P0, records=100)
    await bench.clock.advance(500)
    assert bench.driven.processed == 50
    assert bench.driven.position(P0) == 50
    assert bench.driven.view().activity == "processing orders-0 @ 50"
    await bench.clock.advance(500)
    assert bench.driven.processed == bench.total.total == 100
    assert bench.driven.view().activity == "waiting for records"


async def test_records_shorter_than_a_turn_are_processed_in_slices_at_the_right_pace(make: type[Bench]) -> None:
    bench = make(processing_ms=0.1)
    await bench.begin(P0, records=5_000)
    await bench.clock.advance(250)
    assert bench.driven.processed == pytest.approx(2_500, abs=100)


async def test_jitter_spreads_the_times_but_not_their_mean_and_goes_by_the_seed(make: type[Bench]) -> None:
    runs = []
    for seed in (1, 1, 2):
        bench = make(processing_ms=20, jitter=0.5, seed=seed, max_poll_records=5_000)
        await bench.begin(P0, records=5_000)
        steps = []
        for _ in range(50):
            await bench.clock.advance(100)
            steps.append(bench.driven.processed)
        runs.append(steps)
        assert steps[-1] == pytest.approx(250, rel=0.1)
    assert runs[0] == runs[1] != runs[2]


async def test_records_that_take_no_time_do_not_hold_up_anybody(make: type[Bench]) -> None:
    bench = make(processing_ms=0)
    bench.board.fill(P0, 20_000)
    await bench.begin(P0)
    assert bench.driven.processed == 20_000
    assert bench.clock.now_ms() == 1_000_000


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


async def test_no_more_time_is_spent_on_a_record_whose_partition_was_given_up(make: type[Bench]) -> None:
    bench = make(processing_ms=3_600_000)
    await bench.begin(P0, records=10)
    await bench.clock.advance(1_000)
    await bench.client.assign_to(P1)
    assert bench.driven.processed == 0
    assert bench.driven.view().activity == "waiting for records"
    bench.board.fill(P1, 1)
    await bench.clock.advance(1)
    assert bench.driven.view().activity == "processing orders-1 @ 0"


async def test_while_it_rebalances_it_says_so(make: type[Bench]) -> None:
    bench = make()
    await bench.driven.start()
    assert bench.driven.view().activity == "joining billing"
    await bench.client.assign_to(P0)
    assert bench.driven.view().activity == "waiting for records"
    await bench.client.revoke()
    assert bench.driven.view().activity == "rejoining billing"
    await bench.client.assign_to()
    assert bench.driven.view().activity == "idle: no partition for it"


async def test_one_that_hangs_stays_in_its_record_until_it_is_freed(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    bench.driven.hang(True)
    await bench.clock.advance(60_000)
    assert bench.driven.processed == 15
    assert bench.driven.state.value == "hung"
    assert bench.driven.view().activity == "hung in processing orders-0 @ 15"
    bench.driven.hang(False)
    await bench.clock.advance(100)
    assert bench.driven.processed == pytest.approx(25, abs=1)
    assert bench.driven.state.value == "running"


async def test_one_that_hangs_without_records_polls_no_more(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0)
    bench.driven.hang(True)
    await bench.clock.advance(2_000)
    bench.board.fill(P0, 5)
    await bench.clock.advance(10_000)
    assert bench.driven.processed == 0
    assert bench.driven.view().activity == "hung before its next poll"


async def test_a_slow_one_can_be_hurried_in_the_middle_of_a_record(make: type[Bench]) -> None:
    bench = make(processing_ms=3_600_000)
    await bench.begin(P0, records=10)
    await bench.clock.advance(1_000)
    bench.driven.set_processing(1)
    await bench.clock.advance(20)
    assert bench.driven.processed == 10


async def test_a_paused_one_keeps_its_partitions_takes_nothing_and_loses_nothing(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    bench.driven.pause(True)
    await bench.clock.advance(10_000)
    assert bench.driven.processed == 15
    assert bench.driven.owns(P0)
    assert bench.driven.position(P0) == 15
    bench.board.fill(P1, 20)
    await bench.client.assign_to(P0, P1)
    await bench.clock.advance(1_000)
    assert bench.driven.processed == 15
    bench.driven.pause(False)
    await bench.clock.advance(2_000)
    assert bench.driven.processed == 120


async def test_a_paused_world_processes_nothing(make: type[Bench]) -> None:
    bench = make(processing_ms=0)
    await bench.begin(P0)
    bench.clock.pause()
    bench.board.fill(P0, 1_000)
    await bench.clock.settle()
    bench.driven.set_processing(5)
    bench.driven.set_processing(0)
    await bench.clock.settle()
    assert bench.driven.processed == 0
    bench.clock.resume()
    await bench.clock.settle()
    assert bench.driven.processed == 1_000


async def test_seeking_drops_what_was_polled_goes_on_from_there_and_commits_it(make: type[Bench]) -> None:
    bench = make(commit="auto")
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    await bench.driven.seek({P0: 90})
    assert bench.board.committed == {P0: 90}
    assert bench.driven.position(P0) == 90
    await bench.clock.advance(1_000)
    assert bench.driven.processed == pytest.approx(15 + 10, abs=1)
    await bench.driven.seek({P0: 3})
    await bench.clock.advance(60_000)
    assert bench.driven.processed == pytest.approx(15 + 10 + 97, abs=1)


async def test_a_refused_commit_is_kept_for_the_view_and_work_goes_on(make: type[Bench]) -> None:
    bench = make(max_poll_records=10)
    await bench.begin(P0, records=30)
    bench.client.fenced = True
    await bench.clock.advance(300)
    assert bench.driven.processed == 30
    assert "moved on without this member" in bench.driven.view().last_error


async def test_an_error_of_a_poll_is_shown_and_tried_again(make: type[Bench]) -> None:
    bench = make()
    bench.board.poll_error = NoOffsetForPartitionError("No offset is committed for orders-0.")
    await bench.begin(P0, records=3)
    await bench.clock.advance(5_000)
    assert bench.driven.last_error == "No offset is committed for orders-0."
    bench.board.poll_error = None
    await bench.clock.advance(5_000)
    assert bench.driven.processed == 3


@pytest.mark.parametrize("error", [FencedInstanceIdError(), RuntimeError("a bug")])
async def test_what_it_cannot_go_on_after_ends_its_work_and_is_told(make: type[Bench], error: BaseException) -> None:
    bench = make()
    bench.board.poll_error = error
    await bench.begin(P0)
    await bench.clock.advance(10)
    assert bench.ended == [error]


async def test_a_client_that_cannot_say_goodbye_is_dropped_all_the_same(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0)

    async def stop() -> None:
        raise NetworkError("Broker 1 cannot be reached.")

    bench.client.stop = stop  # type: ignore[method-assign]
    with pytest.raises(NetworkError):
        await bench.driven.stop()
    assert bench.driven.state.value == "stopped"
    assert bench.client.state == "crashed"


async def test_suspended_it_goes_on_as_the_same_member_from_the_very_record(make: type[Bench]) -> None:
    bench = make(commit="auto")
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    await bench.driven.suspend()
    assert bench.board.commits == []
    assert bench.client.state == "crashed", "no goodbye"
    await bench.driven.restore()
    assert bench.client.member_id == "billing-1-uuid"
    await bench.clock.advance(850)
    assert bench.driven.processed == 100


async def test_what_is_kept_while_it_lives_says_who_it_is_and_not_where_it_stands(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0, records=100)
    await bench.clock.advance(155)
    membership = bench.driven.kept()["membership"]
    assert membership["member_id"] == "billing-1-uuid"
    assert membership["positions"] == [], "after a kill it goes on from what is committed"
    await bench.driven.suspend()
    assert bench.driven.kept()["membership"]["positions"] == [[["orders", 0], 15]]


async def test_without_heartbeats_it_works_on(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0, records=10)
    bench.driven.heartbeating = False
    await bench.clock.advance(100)
    assert bench.driven.processed == 10
    assert not bench.driven.view().heartbeating
    assert not bench.client.heartbeating


async def test_it_tells_of_every_change_of_its_partitions(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0)
    before = bench.changes
    await bench.client.assign_to(P1)
    assert bench.changes > before


async def test_its_view_is_the_same_object_while_nothing_changes(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0, P2, records=10)
    view = bench.driven.view()
    assert bench.driven.view() is view
    assert view.assignment == (P0, P2)
    assert view.positions == ((P0, 0), (P2, 0))
    assert (view.member_id, view.generation) == ("billing-1-uuid", 0)
    await bench.clock.advance(100)
    assert bench.driven.view().positions == ((P0, 10), (P2, 0))
    await bench.clock.advance(200_000)
    still = bench.driven.view()
    await bench.clock.advance(10_000)
    assert bench.driven.view() is still


async def test_crashing_while_it_stops_is_a_crash(make: type[Bench]) -> None:
    bench = make()
    await bench.begin(P0)
    never = asyncio.Event()
    bench.client.stop = never.wait  # type: ignore[assignment]
    stopping = asyncio.create_task(bench.driven.stop())
    await bench.clock.settle()
    bench.driven.crash()
    never.set()
    await stopping
    assert bench.driven.state.value == "crashed"
