"""Producers of the workload that send in transactions: what is aborted, who sees it, and what the ledger says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import RefusedError
from engine.messages import AddPartitionsToTxnRequest, EndTxnRequest
from engine.snapshot import ClientState, GroupLedger, ProducerLedger, ProducerView, TransactionState
from engine.workload.spec import ConsumerSpec, ProducerSpec


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        await clock.complete(opened.create_topic("orders", 4, 3))
        yield opened


def _till(**more: Any) -> ProducerSpec:
    fixed: dict[str, Any] = {"name": "till", "rate": 40, "seed": 3, "linger_ms": 0, "records_per_transaction": 20}
    return ProducerSpec("orders", transactional_id="till-1", **{**fixed, **more})


async def _spawn(cluster: Cluster, clock: ManualClock, spec: ProducerSpec) -> str:
    return await clock.complete(cluster.workload.spawn_producer(spec))


async def _read(cluster: Cluster, clock: ManualClock, level: str) -> None:
    spec = ConsumerSpec(level, ("orders",), isolation_level=level, processing_ms=1, jitter=0, seed=1)
    await clock.complete(cluster.workload.spawn_consumer(spec))


def _view(cluster: Cluster, name: str = "till") -> ProducerView:
    return next(view for view in cluster.workload.producers() if view.name == name)


def _produced(cluster: Cluster) -> ProducerLedger:
    [book] = cluster.snapshot().ledger.producers
    return book


def _group(cluster: Cluster, name: str) -> GroupLedger:
    return next(book for book in cluster.snapshot().ledger.groups if book.group_id == name)


async def test_who_reads_committed_records_sees_less_where_one_of_some_transactions_is_aborted(
    cluster: Cluster, clock: ManualClock
) -> None:
    for level in ("read_uncommitted", "read_committed"):
        await _read(cluster, clock, level)
    await _spawn(cluster, clock, _till(abort_every=4))
    await clock.advance(20_000)
    await clock.complete(cluster.workload.stop("till"))
    await clock.advance(5_000)
    book = _produced(cluster)
    assert book.aborted == book.sent // 80 * 20 > 100
    assert book.acked == book.sent - book.aborted
    assert (book.lost_acked, book.lost_unacked) == (0, 0)
    everything, committed = _group(cluster, "read_uncommitted"), _group(cluster, "read_committed")
    assert (everything.once, everything.again) == (book.sent, 0)
    assert (committed.once, committed.again, committed.never) == (book.acked, 0, 0)


async def test_a_transaction_has_the_records_it_is_to_have(cluster: Cluster, clock: ManualClock) -> None:
    await _spawn(cluster, clock, _till(rate=2_000, records_per_transaction=7))
    await clock.advance(2_000)
    view = _view(cluster)
    assert (view.transactional_id, view.transactions) == ("till-1", "7 records each, all committed")
    assert view.acked > 300
    reader = cluster.consumer("orders", auto_offset_reset="earliest", isolation_level="read_committed")
    await clock.complete(reader.start())
    await cluster.workload.pause("till")
    found = 0
    while got := await clock.complete(reader.getmany(timeout_ms=2_000)):
        found += sum(map(len, got.values()))
    reader.crash()
    assert found == _view(cluster).acked == _produced(cluster).acked


@pytest.mark.parametrize("rests", ["pause", "rate"])
async def test_a_producer_that_rests_leaves_no_transaction_open(
    cluster: Cluster, clock: ManualClock, rests: str
) -> None:
    await _spawn(cluster, clock, _till(records_per_transaction=100_000))
    await clock.advance(3_000)
    await (cluster.workload.pause("till") if rests == "pause" else cluster.workload.set_rate("till", 0))
    await clock.advance(100)
    [transaction] = cluster.snapshot().transactions
    assert transaction.state is TransactionState.COMPLETE_COMMIT
    assert _produced(cluster).acked == _view(cluster).sent > 0


async def test_a_transaction_that_is_long_in_filling_is_ended_in_time(cluster: Cluster, clock: ManualClock) -> None:
    await _spawn(cluster, clock, _till(records_per_transaction=100_000, rate=0.5))
    for _ in range(60):
        await clock.advance(1_000)
        [transaction] = cluster.snapshot().transactions
        assert transaction.deadline_ms is None or transaction.deadline_ms - clock.now_ms() >= 55_000
    assert _produced(cluster).acked >= 24
    assert (_view(cluster).state, _view(cluster).last_error) == (ClientState.RUNNING, "")


async def test_a_second_producer_of_the_same_transactional_id_fences_the_first(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _spawn(cluster, clock, _till())
    await clock.advance(2_000)
    await _spawn(cluster, clock, _till(name="rival"))
    await clock.advance(2_000)
    assert _view(cluster).state is ClientState.STOPPED
    assert "was fenced" in _view(cluster).last_error
    assert _view(cluster, "rival").state is ClientState.RUNNING
    assert any("till gave up" in event.sentence() for event in cluster.events.last(20))


async def test_a_crash_leaves_a_transaction_open_until_its_id_is_used_again(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _spawn(cluster, clock, _till(records_per_transaction=1_000))
    await clock.advance(2_000)
    await clock.complete(cluster.workload.crash("till"))
    assert "Its transaction stays open" in cluster.events.last(1)[0].sentence()
    [transaction] = cluster.snapshot().transactions
    assert transaction.state is TransactionState.ONGOING
    assert (_produced(cluster).acked, _produced(cluster).aborted) == (0, _view(cluster).acked)
    await clock.complete(cluster.workload.restart("till"))
    await clock.advance(8_000)
    assert _produced(cluster).acked > 0
    assert _view(cluster).state is ClientState.RUNNING


async def test_a_commit_that_cannot_be_asked_for_is_asked_for_again(cluster: Cluster, clock: ManualClock) -> None:
    await _read(cluster, clock, "read_committed")
    await _spawn(cluster, clock, _till(transaction_timeout_ms=300_000))
    await clock.advance(2_000)
    rule = cluster.faults.lose(EndTxnRequest, answers=True)
    await clock.advance(70_000)
    assert _view(cluster).last_error
    cluster.faults.end(rule)
    await clock.advance(5_000)
    await clock.complete(cluster.workload.stop("till"))
    await clock.advance(5_000)
    book, group = _produced(cluster), _group(cluster, "read_committed")
    assert book.acked == book.sent
    assert (group.once, group.again, group.never) == (book.sent, 0, 0)


async def test_it_goes_on_when_the_broker_that_coordinates_its_transactions_dies(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _read(cluster, clock, "read_committed")
    await _spawn(cluster, clock, _till(abort_every=3))
    await clock.advance(3_000)
    [transaction] = cluster.snapshot().transactions
    await clock.complete(cluster.faults.crash(transaction.coordinator))
    await clock.advance(20_000)
    await clock.complete(cluster.workload.stop("till"))
    await clock.advance(15_000)
    book, group = _produced(cluster), _group(cluster, "read_committed")
    assert _view(cluster).last_error == ""
    assert book.acked + book.aborted == book.sent > 400
    assert (group.once, group.again, group.never) == (book.acked, 0, 0)


async def test_a_stop_ends_the_transaction_though_its_coordinator_is_silent_for_long(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _spawn(cluster, clock, _till(records_per_transaction=1_000, transaction_timeout_ms=300_000))
    await clock.advance(2_000)
    rule = cluster.faults.lose(EndTxnRequest)
    stopping = asyncio.create_task(cluster.workload.stop("till"))
    await clock.advance(70_000)
    assert not stopping.done()
    cluster.faults.end(rule)
    await clock.until(stopping.done)
    assert _view(cluster).state is ClientState.STOPPED
    assert _produced(cluster).acked == _produced(cluster).sent > 0


async def test_where_a_record_fails_the_whole_transaction_is_aborted_and_the_next_begins(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _read(cluster, clock, "read_committed")
    await _spawn(cluster, clock, _till())
    await clock.advance(2_000)
    await clock.complete(cluster.alter_topic_config("orders", {"max.message.bytes": "100"}))
    await clock.advance(3_000)
    assert "max.message.bytes" in _view(cluster).last_error
    await clock.complete(cluster.alter_topic_config("orders", {"max.message.bytes": None}))
    await clock.advance(5_000)
    await clock.complete(cluster.workload.stop("till"))
    await clock.advance(12_000)
    book, group = _produced(cluster), _group(cluster, "read_committed")
    assert book.acked + book.aborted + book.lost_unacked == book.sent
    assert (group.once, group.again, group.never) == (book.acked, 0, 0)


async def test_a_lab_that_is_closed_ends_its_transactions_and_opens_at_once_though_a_coordinator_is_silent(
    clock: ManualClock, tmp_path: Path
) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.complete(cluster.create_topic("orders", 4, 3))
        await _spawn(cluster, clock, _till(records_per_transaction=1_000, abort_every=3))
        await clock.advance(2_000)
        cluster.faults.lose(AddPartitionsToTxnRequest)
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        book = _produced(cluster)
        assert book.acked == book.sent > 0
        assert cluster.workload.spec("till") == _till(records_per_transaction=1_000, abort_every=3)
        await clock.advance(12_000)
        assert _view(cluster).state is ClientState.RUNNING
        assert _produced(cluster).acked > book.acked


def test_what_transactions_need_is_said() -> None:
    for wrong in (_till(acks="1"), _till(idempotence=False)):
        with pytest.raises(RefusedError, match="need acks all and idempotence"):
            wrong.check()
    with pytest.raises(RefusedError, match="1 record or more"):
        _till(records_per_transaction=0).check()
    assert _till(abort_every=1, records_per_transaction=1).transactions() == "1 record each, all aborted"
    assert ProducerSpec.from_json(_till().to_json()) == _till()
