"""Processors consume, transform and produce: exactly once with transactions, at least once without, by the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.clients.consumer import Consumer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import InvalidTxnStateError, RefusedError
from engine.ledger import mark_of
from engine.messages import AddOffsetsToTxnRequest, EndTxnRequest
from engine.snapshot import ClientState, ConsumerView, GroupLedger, TransactionState
from engine.workload.processing import DrivenProcessor, transformed
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        await clock.complete(opened.create_topic("orders", 4, 3))
        await clock.complete(opened.create_topic("bills", 3, 3))
        yield opened


def _spec(**more: Any) -> ConsumerSpec:
    fixed: dict[str, Any] = {"processing_ms": 20, "jitter": 0, "seed": 1, "writes_to": "bills", "max_poll_records": 50}
    return ConsumerSpec("till", ("orders",), **{**fixed, **more})


async def _start(cluster: Cluster, clock: ManualClock, *specs: ConsumerSpec) -> list[str]:
    await clock.complete(
        cluster.workload.spawn_producer(ProducerSpec("orders", rate=40, seed=3, keys=KeyRule("uniform", 50)))
    )
    return [await clock.complete(cluster.workload.spawn_consumer(spec)) for spec in specs]


async def _settle(cluster: Cluster, clock: ManualClock) -> GroupLedger:
    """Send nothing more, let the rest be processed, and close the book."""
    await clock.complete(cluster.workload.stop(cluster.workload.producers()[0].name))
    await clock.advance(14_000)
    [ledger] = [each for each in cluster.snapshot().ledger.groups if each.group_id == "till"]
    return ledger


def _sent(cluster: Cluster) -> int:
    return cluster.workload.producers()[0].acked


async def _until_amid(cluster: Cluster, clock: ManualClock, name: str) -> None:
    """Wait until records of a transaction of that processor's lie in a log, and the transaction is open."""

    def amid() -> bool:
        world = cluster.snapshot()
        topic = world.topic("bills")
        assert topic is not None
        writing = {producer_id for partition in topic.partitions for producer_id, _ in partition.open_transactions}
        return any(it.producer_id in writing for it in world.transactions if it.transactional_id == name)

    await clock.until(amid, within_ms=30_000)


def _view(cluster: Cluster, name: str) -> ConsumerView:
    return next(view for view in cluster.workload.consumers() if view.name == name)


async def _found(cluster: Cluster, clock: ManualClock, level: str) -> Counter[Any]:
    """What such a reader finds among the bills, by what each was made of."""
    consumer: Consumer = cluster.consumer("bills", auto_offset_reset="earliest", isolation_level=level)
    await clock.complete(consumer.start())
    found: Counter[Any] = Counter()
    while got := await clock.complete(consumer.getmany(timeout_ms=3_000)):
        found.update(mark_of(record.headers) for records in got.values() for record in records)
    consumer.crash()
    return found


async def test_with_transactions_each_record_counts_once_whoever_crashes(cluster: Cluster, clock: ManualClock) -> None:
    first, second = await _start(cluster, clock, _spec(), _spec())
    for name in (first, second):
        await clock.advance(5_000)
        await _until_amid(cluster, clock, name)
        await clock.complete(cluster.workload.crash(name))
        await clock.complete(cluster.workload.restart(name))
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never) == (0, 0)
    assert ledger.once == _sent(cluster) > 400
    assert set((await _found(cluster, clock, "read_committed")).values()) == {1}
    assert max((await _found(cluster, clock, "read_uncommitted")).values()) > 1


async def test_without_transactions_a_crash_writes_records_again(cluster: Cluster, clock: ManualClock) -> None:
    [name] = await _start(cluster, clock, _spec(transactional=False))
    await clock.advance(8_137)
    await clock.complete(cluster.workload.crash(name))
    await clock.complete(cluster.workload.restart(name))
    ledger = await _settle(cluster, clock)
    assert ledger.again > 0
    assert ledger.never == 0
    assert ledger.once + ledger.again == _sent(cluster)


async def test_a_broker_that_dies_costs_no_record_and_repeats_none(cluster: Cluster, clock: ManualClock) -> None:
    await _start(cluster, clock, _spec(), _spec())
    await clock.advance(4_000)
    await clock.complete(cluster.faults.crash(2))
    await clock.advance(13_000)
    await clock.complete(cluster.faults.start(2))
    await clock.advance(3_000)
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


async def test_members_that_come_and_go_hand_over_between_transactions(cluster: Cluster, clock: ManualClock) -> None:
    [first] = await _start(cluster, clock, _spec())
    await clock.advance(4_000)
    second = await clock.complete(cluster.workload.spawn_consumer(_spec()))
    await clock.advance(4_000)
    await clock.complete(cluster.workload.stop(first))
    await clock.advance(4_000)
    await clock.complete(cluster.workload.restart(first))
    await clock.complete(cluster.workload.stop(second))
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


async def test_one_that_hangs_is_aborted_and_fenced_and_says_so(cluster: Cluster, clock: ManualClock) -> None:
    [name] = await _start(cluster, clock, _spec(transaction_timeout_ms=5_000))
    await _until_amid(cluster, clock, name)
    await clock.complete(cluster.workload.hang(name))
    await clock.advance(8_000)
    [view] = cluster.snapshot().transactions
    assert (view.transactional_id, view.state) == (name, TransactionState.COMPLETE_ABORT)
    assert any("open for longer than transaction.timeout.ms" in it.sentence() for it in cluster.events.last(50))
    await clock.complete(cluster.workload.unhang(name))
    await clock.advance(2_000)
    assert _view(cluster, name).state is ClientState.STOPPED
    assert "was fenced" in _view(cluster, name).last_error
    await clock.complete(cluster.workload.restart(name))
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


async def test_a_commit_whose_answers_are_lost_for_long_is_asked_for_until_it_is_known(
    cluster: Cluster, clock: ManualClock
) -> None:
    [name] = await _start(cluster, clock, _spec(transaction_timeout_ms=200_000))
    await clock.advance(3_000)
    rule = cluster.faults.lose(EndTxnRequest, answers=True)
    await clock.advance(2_000)
    await cluster.workload.pause(cluster.workload.producers()[0].name)
    await clock.advance(70_000)
    assert _view(cluster, name).last_error
    cluster.faults.end(rule)
    await clock.advance(10_000)
    assert _view(cluster, name).state is ClientState.RUNNING
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


async def test_an_abort_that_cannot_be_asked_for_is_asked_for_again(cluster: Cluster, clock: ManualClock) -> None:
    [name] = await _start(cluster, clock, _spec(transaction_timeout_ms=200_000))
    await _until_amid(cluster, clock, name)
    rules = [cluster.faults.lose(AddOffsetsToTxnRequest), cluster.faults.lose(EndTxnRequest)]
    await cluster.workload.pause(cluster.workload.producers()[0].name)
    await clock.advance(130_000)
    for rule in rules:
        cluster.faults.end(rule)
    await clock.advance(70_000)
    assert _view(cluster, name).state is ClientState.RUNNING
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


async def test_a_contradiction_with_the_coordinator_ends_a_processor(cluster: Cluster, clock: ManualClock) -> None:
    [name] = await _start(cluster, clock, _spec())
    await _until_amid(cluster, clock, name)
    driven = cluster.workload._roster.consumer(name, "")
    assert isinstance(driven, DrivenProcessor)
    assert driven._output is not None
    assert driven._output._transactions is not None
    driven._output._transactions._end_for_good(InvalidTxnStateError())
    await clock.advance(2_000)
    assert _view(cluster, name).state is ClientState.STOPPED
    await clock.complete(cluster.workload.restart(name))
    ledger = await _settle(cluster, clock)
    assert (ledger.again, ledger.never, ledger.once) == (0, 0, _sent(cluster))


@pytest.mark.parametrize("commit", ["after", "auto"])
async def test_what_could_not_be_written_without_transactions_comes_again(
    cluster: Cluster, clock: ManualClock, commit: str
) -> None:
    [name] = await _start(cluster, clock, _spec(transactional=False, commit=commit, processing_ms=5))
    await clock.advance(3_000)
    await clock.complete(cluster.alter_topic_config("bills", {"max.message.bytes": "100"}))
    await clock.advance(7_000)
    assert "max.message.bytes" in _view(cluster, name).last_error
    await clock.complete(cluster.alter_topic_config("bills", {"max.message.bytes": None}))
    ledger = await _settle(cluster, clock)
    assert ledger.never == 0
    assert ledger.once + ledger.again == _sent(cluster)


async def test_a_processor_closed_in_the_midst_of_a_commit_repeats_nothing(clock: ManualClock, tmp_path: Any) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.complete(cluster.create_topic("orders", 4, 3))
        await clock.complete(cluster.create_topic("bills", 3, 3))
        await _start(cluster, clock, _spec())
        await clock.advance(8_000)
        cluster.faults.lose(EndTxnRequest, answers=True)
        await clock.advance(5_000)
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.advance(8_000)
        ledger = await _settle(cluster, clock)
        assert (ledger.again, ledger.never) == (0, 0)
        assert set((await _found(cluster, clock, "read_committed")).values()) == {1}


async def test_a_processor_that_was_closed_with_the_lab_goes_on_without_repeating(
    clock: ManualClock, tmp_path: Any
) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.complete(cluster.create_topic("orders", 4, 3))
        await clock.complete(cluster.create_topic("bills", 3, 3))
        await _start(cluster, clock, _spec())
        await clock.advance(8_137)
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.advance(8_000)
        ledger = await _settle(cluster, clock)
        assert (ledger.again, ledger.never) == (0, 0)
        assert set((await _found(cluster, clock, "read_committed")).values()) == {1}


async def test_a_processor_is_seen_for_what_it_is(cluster: Cluster, clock: ManualClock) -> None:
    [name] = await _start(cluster, clock, _spec(isolation_level="read_committed"))
    await clock.advance(3_000)
    view = _view(cluster, name)
    assert (view.writes_to, view.transactional, view.isolation_level) == ("bills", True, "read_committed")
    told = [event.sentence() for event in cluster.events.last(50)]
    assert any("in one transaction with its offsets" in sentence for sentence in told)
    [ledger] = cluster.snapshot().ledger.groups
    assert ledger.writes_to == ("bills",)


def test_a_processor_that_would_read_what_it_writes_is_refused() -> None:
    with pytest.raises(RefusedError, match="never come to an end"):
        ConsumerSpec("till", ("orders",), writes_to="orders").check()
    with pytest.raises(RefusedError, match=r"isolation\.level"):
        ConsumerSpec("till", ("orders",), isolation_level="all").check()


def test_a_value_gets_a_field_more_if_it_is_an_object() -> None:
    assert transformed(b'{"a": 1}', 'till-"1') == b'{"a": 1, "by": "till-?1"}'
    assert transformed(b"{ }", "till-1") == b'{ "by": "till-1"}'
    assert transformed(b"plain", "till-1") == b"plain"
    assert transformed(b"$}", "till-1") == b"$}"
    assert transformed(None, "till-1") is None
