"""A world that stands still goes on in small steps."""

from __future__ import annotations

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.events import Told
from engine.workload.spec import ProducerSpec
from tests.engine.cluster.conftest import START_MS


async def test_a_step_lets_a_tenth_of_a_second_pass(cluster: Cluster, clock: ManualClock) -> None:
    clock.pause()
    cluster.stepping.step()
    await clock.advance(60_000)
    assert clock.paused
    assert clock.now_ms() == START_MS + 100


async def test_steps_let_records_flow_a_few_at_a_time(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await clock.advance(10_000)
    clock.pause()
    before = cluster.snapshot().producers[0].acked
    for _ in range(10):
        cluster.stepping.step()
        await clock.advance(1_000)
    assert 90 <= cluster.snapshot().producers[0].acked - before <= 110


async def test_time_passes_until_something_happens(cluster: Cluster, clock: ManualClock) -> None:
    clock.pause()
    clock.call_later(1_500, lambda: cluster.events.publish(Told(at_ms=clock.now_ms(), subject="it", text="It did.")))
    cluster.stepping.to_next_event()
    await clock.advance(10_000)
    assert (clock.paused, clock.now_ms()) == (True, START_MS + 1_500)


async def test_where_nothing_happens_it_stands_still_again_at_last(cluster: Cluster, clock: ManualClock) -> None:
    clock.pause()
    cluster.stepping.to_next_event(within_ms=5_000)
    await clock.advance(10_000)
    assert (clock.paused, clock.now_ms()) == (True, START_MS + 5_000)


async def test_who_lets_time_go_on_meanwhile_has_the_last_word(cluster: Cluster, clock: ManualClock) -> None:
    clock.pause()
    cluster.stepping.to_next_event(within_ms=5_000)
    clock.resume()
    cluster.events.publish(Told(at_ms=clock.now_ms(), subject="it", text="It did."))
    await clock.advance(10_000)
    assert not clock.paused


async def test_what_happens_later_does_not_stop_the_next_world(cluster: Cluster, clock: ManualClock) -> None:
    clock.pause()
    cluster.stepping.to_next_event(within_ms=5_000)
    await clock.advance(10_000)
    clock.resume()
    cluster.events.publish(Told(at_ms=clock.now_ms(), subject="it", text="It did."))
    assert not clock.paused
