"""Worlds about copies: brokers that are down or cut off, partitions that move, records that are lost."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import GroupLedger, LedgerView, ProducerLedger, ReplicaView, World
from tests.tui.worlds.parts import NOW, copied, on_three
from tests.tui.worlds.plain import ENDS, first


def torn() -> World:
    """The first world in three copies with broker 3 down: followers lag, one leader is gone, one has just died."""
    before = first()
    orders = before.topics[0]
    logs = list(orders.partitions)
    for at, log in enumerate(logs):
        leader, end = log.leader or 1, log.log_end_offset
        others = [broker_id for broker_id in (1, 2, 3) if broker_id != leader]
        logs[at] = copied(log, {leader: end, **dict.fromkeys(others, end)}, (leader, *others))
    ends = [log.log_end_offset for log in logs]
    logs[0] = copied(logs[0], {1: ends[0], 2: ends[0] - 16, 3: ends[0] - 31}, (1, 2, 3))
    logs[1] = copied(logs[1], {2: ends[1], 3: ends[1] - 400, 1: ends[1]}, (2, 1), down=(3,))
    logs[2] = copied(logs[2], {3: ends[2], 1: ends[2], 2: ends[2]}, (3, 1, 2), down=(3,))
    logs[3] = replace(copied(logs[3], {1: ends[3], 2: ends[3] - 9, 3: ends[3] - 400}, (1,), down=(3,)),
                      high_watermark=ends[3] - 9)  # fmt: skip
    logs[5] = replace(copied(logs[5], {3: ends[5], 1: ends[5] - 7, 2: ends[5] - 7}, (3,), down=(3,)), leader=None)
    torn = replace(orders, replication_factor=3, partitions=tuple(logs), config=(("min.insync.replicas", "2"),))
    one, two, three = before.brokers
    return replace(
        before, lab="torn", topics=(torn, *before.topics[1:]), brokers=(one, two, replace(three, alive=False))
    )


def lossy() -> World:
    """The first world after a leader crashed that took acks=1, and a consumer that commits before processing."""
    before = first()
    ledger = LedgerView(
        (
            ProducerLedger("web-1", "1", 48_204, 48_190, 3, 0),
            ProducerLedger("web-2", "0", 12_031, 0, 0, 212),
            ProducerLedger("web-3", "all", 1_204_331, 1_204_300, 0, 0),
        ),
        (GroupLedger("audit", 40_112, 0, 412, 0), GroupLedger("billing", 59_001, 1_204, 0, 3)),
    )
    return replace(before, lab="lossy", ledger=ledger)


def broken() -> World:
    """Three copies of each partition; broker 1 crashed and is not missed yet, broker 3 lags behind and is cut off."""
    before = first()
    ends = [(end, end, end - 3 * at) for at, end in enumerate(ENDS)]
    views = tuple(
        on_three("orders", at, each, (1, 2) if at else (1, 2, 3), (1,), leader=1 if at % 3 == 0 else 2)
        for at, each in enumerate(ends)
    )
    one, two, three = before.brokers
    brokers = (
        replace(one, alive=False, leads=0, replicas=0, size_bytes=0, session_expires_ms=NOW + 4_200),
        replace(two, leads=19, replicas=56, slow_ms=500.0, lost_answers=0.5),
        replace(three, leads=19, replicas=56, cut_from=(0, 1, 2)),
    )
    ledger = LedgerView(
        (ProducerLedger("web-1", "all", 48_204, 48_190, 0, 0), ProducerLedger("acks-1-by-hand", "1", 2, 2, 1, 0)),
        (GroupLedger("billing", 48_001, 12, 0, 0),),
    )
    orders = replace(before.topics[0], partitions=views, replication_factor=3)
    return replace(before, lab="broken", brokers=brokers, topics=(orders, *before.topics[1:]), ledger=ledger)


def moving() -> World:
    """One partition is being moved to another broker, one has no leader any more, the others are whole."""
    before = first()
    views = [on_three("orders", at, (end, end, end)) for at, end in enumerate(ENDS)]
    end = ENDS[1]
    copies = (ReplicaView(2, True, end, end, 0), ReplicaView(1, True, end, end, 0), ReplicaView(3, True, 4_711, 0, 0))
    views[1] = replace(views[1], replicas=(2, 3, 1), isr=(1, 2), target=(2, 3), leader=2, copies=copies)
    views[2] = on_three("orders", 2, (ENDS[2] - 57, ENDS[2] - 40, ENDS[2]), (3,), (1, 3), leader=None, leader_epoch=4)
    orders = replace(before.topics[0], partitions=tuple(views), replication_factor=3)
    return replace(before, lab="moving", topics=(orders, *before.topics[1:]))
