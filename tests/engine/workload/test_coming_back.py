"""A lab that was closed, or killed: its producers and consumers go on as they were."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import KafkaTimeoutError
from engine.snapshot import ClientState
from engine.workload.spec import ProducerSpec
from tests.engine.workload.fakes import tps
from tests.engine.workload.lab import BILLING, P0, Lab


async def test_a_closed_lab_comes_back_with_everybody_as_they_were() -> None:
    lab = Lab()
    workload = lab.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=100))
    await workload.spawn_producer(ProducerSpec("orders", rate=5, paused=True))
    await workload.spawn_producer(ProducerSpec("orders"))
    for _ in range(5):
        await workload.spawn_consumer(BILLING)
    for tp, client in zip(tps("orders", range(5)), lab.board.consumers, strict=True):
        await client.assign_to(tp)
    await lab.clock.advance(1_005)
    await workload.crash("orders-3")
    await workload.crash("billing-2")
    await workload.stop_heartbeats("billing-3")
    await workload.hang("billing-4")
    await workload.stop("billing-5")
    processed = workload.consumers()[0].processed
    await lab.end()
    assert {client.state for client in lab.board.consumers} == {"crashed", "stopped"}

    again = await lab.reopen()
    assert [view.state.value for view in again.workload.producers()] == ["running", "paused", "crashed"]
    states = [view.state.value for view in again.workload.consumers()]
    assert states == ["running", "crashed", "running", "hung", "stopped"]
    assert [view.heartbeating for view in again.workload.consumers()] == [True, False, False, True, False]
    first = again.workload.consumers()[0]
    assert (first.member_id, first.generation, first.processed) == ("billing-1-uuid", 0, processed)
    assert first.positions == ((P0, processed),)
    await again.clock.advance(2_000)
    assert again.workload.consumers()[0].processed > processed
    assert again.workload.consumers()[3].processed < processed + 5
    await again.end()


async def test_sequences_go_on_without_a_gap_after_closing() -> None:
    lab = Lab()
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.clock.advance(1_000)
    await lab.end()
    again = await lab.reopen()
    await again.clock.advance(1_000)
    sequences = again.board.sequences("orders")
    assert sequences == list(range(len(sequences)))
    assert len(sequences) == pytest.approx(200, abs=5)
    await again.end()


async def test_after_a_kill_no_sequence_is_used_again_and_members_are_known() -> None:
    lab = Lab()
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.workload.spawn_consumer(BILLING)
    await lab.board.consumers[0].assign_to(P0)
    await lab.clock.advance(30_000)
    acked, processed = lab.workload.producers()[0].acked, lab.workload.consumers()[0].processed
    again = await lab.reopen()
    assert acked - 450 < again.workload.producers()[0].acked <= acked
    assert processed - 1_000 < again.workload.consumers()[0].processed <= processed
    await again.clock.advance(5_000)
    sequences = again.board.sequences("orders")
    assert len(set(sequences)) == len(sequences)
    assert again.workload.consumers()[0].member_id == "billing-1-uuid"
    await again.end()
    await lab.end()


async def test_changes_survive_a_kill() -> None:
    lab = Lab()
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.workload.spawn_consumer(BILLING)
    await lab.workload.set_rate("orders-1", 7)
    await lab.workload.pause("orders-1")
    await lab.workload.set_processing("billing-1", 77)
    again = await lab.reopen()
    assert again.workload.producers()[0].rate == 7
    assert again.workload.producers()[0].state is ClientState.PAUSED
    assert again.workload.consumers()[0].processing_ms == 77
    await again.end()
    await lab.end()


async def test_one_that_cannot_be_brought_back_does_not_keep_the_others() -> None:
    lab = Lab()
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.end()
    again = Lab(lab.store)
    errors = iter([KafkaTimeoutError("Topic 'orders' was not to be found."), None])
    make = again._producer

    def choosy(*args: Any, **options: Any) -> Any:
        again.board.start_error = next(errors)
        return make(*args, **options)

    again.workload._making._producer = choosy
    await again.workload.restore()
    assert [view.state.value for view in again.workload.producers()] == ["stopped", "running"]
    assert "orders-1 could not be brought back: Topic 'orders' was not to be found." in again.told
    await again.end()
