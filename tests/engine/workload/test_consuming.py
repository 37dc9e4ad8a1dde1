"""How a driven consumer spends its time, and what befalls it."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import FencedInstanceIdError, NetworkError, NoOffsetForPartitionError
from tests.engine.workload.bench import P0, P1, P2, Bench


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
