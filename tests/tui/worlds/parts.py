"""Builders of worlds: partitions, topics, members, groups, clients, rebalances, from plain figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.snapshot import (
    BrokerView,
    ClientState,
    ConsumerView,
    GroupOffsetView,
    GroupState,
    GroupView,
    MemberView,
    Move,
    PartitionView,
    Phase,
    ProducerView,
    Rebalance,
    ReplicaView,
    Throughput,
    TopicView,
    World,
)
from engine.types import TopicPartition

BEGAN = 1_700_000_000_000.0


NOW = BEGAN + 192_000.0


def partition(topic: str, number: int, start: int = 0, end: int = 0, **more: object) -> PartitionView:
    """A partition from `start` to `end`."""
    leader = number % 3 + 1
    values = {
        "topic": topic, "partition": number, "leader": leader, "leader_epoch": 0, "replicas": (leader,),
        "isr": (leader,), "log_start_offset": start, "high_watermark": end, "log_end_offset": end,
        "size_bytes": (end - start) * 118, "max_timestamp": int(NOW) - 40 if end > start else -1,
    }  # fmt: skip
    return PartitionView(**{**values, **more})  # type: ignore[arg-type]


def topic(name: str, ends: Sequence[int], starts: Sequence[int] = (), **more: object) -> TopicView:
    """A topic whose partitions end at `ends`."""
    starts = starts or [0] * len(ends)
    parts = tuple(partition(name, at, start, end) for at, (start, end) in enumerate(zip(starts, ends, strict=True)))
    values = {"name": name, "internal": False, "replication_factor": 1, "config": (), "partitions": parts}
    return TopicView(**{**values, **more})  # type: ignore[arg-type]


def member(slot: int, client_id: str, tps: Sequence[TopicPartition] = (), **more: object) -> MemberView:
    """A member with a session of 10 s and a heartbeat 1.2 s ago."""
    values = {
        "member_id": f"{client_id}-5f0c{slot:02d}9e", "client_id": client_id, "host": "lab", "software": "kafkarium",
        "group_instance_id": None, "slot": slot, "leader": slot == 0, "assignors": ("range",), "topics": ("orders",),
        "assignment": tuple(tps), "last_heartbeat_ms": NOW - 1_200, "session_timeout_ms": 10_000,
        "session_expires_ms": NOW + 8_800, "rebalance_timeout_ms": 300_000, "rejoined": True,
    }  # fmt: skip
    return MemberView(**{**values, **more})  # type: ignore[arg-type]


def standing(tp: TopicPartition, end: int, owner: MemberView | None, lag: int, pending: int = 0) -> GroupOffsetView:
    """A group `lag` behind the end, with `pending` records delivered and not committed."""
    committed = end - lag
    position = min(end, committed + pending) if owner else None
    return GroupOffsetView(tp.topic, tp.partition, committed, position, lag, owner.member_id if owner else None)


def group(
    group_id: str, members: Sequence[MemberView], offsets: Sequence[GroupOffsetView], **more: object
) -> GroupView:
    """A stable group."""
    values = {
        "group_id": group_id, "state": GroupState.STABLE if members else GroupState.EMPTY,
        "state_since_ms": NOW - 42_000, "deadline_ms": None, "waiting_for": (), "generation": 7,
        "protocol_type": "consumer", "assignor": "range", "leader": members[0].member_id if members else None,
        "coordinator": 2, "pending_members": 0, "members": tuple(members), "offsets": tuple(offsets), "rebalances": (),
    }  # fmt: skip
    return GroupView(**{**values, **more})  # type: ignore[arg-type]


def producer(name: str, topic_name: str, rate: float, history: Sequence[int] = (), **more: object) -> ProducerView:
    """A running producer."""
    history = tuple(history) or tuple(int(rate * (1 + 0.25 * math.sin(at / 3))) for at in range(60))
    values = {
        "name": name, "topic": topic_name, "state": ClientState.RUNNING, "template": "orders", "keys": "no key",
        "rate": rate, "measured": float(history[-1]), "history": history, "acks": "all", "partitioner": "default",
        "compression": "none", "sent": 12_340, "acked": 12_331, "failed": 0, "buffered": 9,
    }  # fmt: skip
    return ProducerView(**{**values, **more})  # type: ignore[arg-type]


def consumer(of: MemberView, group_id: str, measured: float = 60.0, **more: object) -> ConsumerView:
    """A running consumer that is the member `of` its group."""
    values = {
        "name": of.client_id, "group_id": group_id, "topics": of.topics, "state": ClientState.RUNNING,
        "member_id": of.member_id, "generation": 7, "assignment": of.assignment,
        "positions": tuple((tp, 11_950) for tp in of.assignment), "processed": 35_120, "measured": measured,
        "history": tuple(int(measured * (1 + 0.2 * math.sin(at / 4))) for at in range(60)), "processing_ms": 2.0,
        "jitter": 0.3, "commit": "auto", "assignor": "range", "heartbeating": True,
        "activity": f"processing {of.assignment[0]} @ 11,950" if of.assignment else "waiting for partitions",
    }  # fmt: skip
    return ConsumerView(**{**values, **more})  # type: ignore[arg-type]


def rebalance(
    group_id: str, generation: int, cause: str, moves: Sequence[tuple[TopicPartition, str | None, str | None, float]],
    ago_ms: float, **more: object,
) -> Rebalance:  # fmt: skip
    """A rebalance that took 812 ms and ended `ago_ms` ago."""
    ended = NOW - ago_ms
    began = ended - 812
    values = {
        "group_id": group_id, "from_generation": generation - 1, "to_generation": generation, "cause": cause,
        "assignor": "range", "cooperative": False, "began_ms": began, "ended_ms": ended,
        "phases": (
            Phase("PreparingRebalance", "waiting for every member to rejoin", began, began + 610),
            Phase("CompletingRebalance", "the leader assigns, the others wait for it", began + 610, began + 700),
            Phase("Taking over", "members look up their offsets and fetch", began + 700, ended),
        ),
        "joined": (), "left": (), "dropped": (), "leader": "billing-1",
        "moves": tuple(Move(*move) for move in moves),
    }  # fmt: skip
    return Rebalance(**{**values, **more})  # type: ignore[arg-type]


def world(**more: object) -> World:
    """A world with three brokers, and what is given."""
    values = {
        "lab": "first", "now_ms": NOW, "began_ms": BEGAN, "speed": 1.0, "paused": False,
        "brokers": tuple(
            BrokerView(number, True, number == 1, leads=18, replicas=18, size_bytes=8_400_000) for number in (1, 2, 3)
        ),
        "topics": (), "groups": (), "producers": (), "consumers": (), "throughput": Throughput((), (), ()),
    }  # fmt: skip
    return World(**{**values, **more})  # type: ignore[arg-type]


def flow(produced: float, consumed: float, lag: float) -> Throughput:
    """Two minutes that waver around the figures."""
    waves = [math.sin(at / 9) * 0.18 + math.sin(at / 2.3) * 0.06 for at in range(120)]
    return Throughput(
        tuple(int(produced * (1 + wave)) for wave in waves),
        tuple(int(consumed * (1 + wave * 0.7)) for wave in waves[::-1]),
        tuple(int(lag * (1 + wave * 2)) for wave in waves),
    )


def tps(name: str, *numbers: int) -> tuple[TopicPartition, ...]:
    """Partitions of a topic."""
    return tuple(TopicPartition(name, number) for number in numbers)


def internal() -> TopicView:
    """`__consumer_offsets`, with records in the partition of one group."""
    ends = [0] * 50
    ends[17] = 412
    return topic("__consumer_offsets", ends, internal=True, config=(("cleanup.policy", "compact"),))


def copied(log: PartitionView, ends: dict[int, int], isr: tuple[int, ...], down: tuple[int, ...] = ()) -> PartitionView:
    """The partition with copies that end where `ends` says, broker by broker; the first of `ends` is preferred."""
    high = min((ends[broker_id] for broker_id in isr), default=log.log_end_offset)
    copies = tuple(
        ReplicaView(broker_id, broker_id not in down, end, min(high, end), log.leader_epoch)
        for broker_id, end in ends.items()
    )
    return replace(log, replicas=tuple(ends), isr=isr, copies=copies, high_watermark=high)


def on_three(
    name: str,
    number: int,
    ends: Sequence[int],
    isr: Sequence[int] = (1, 2, 3),
    down: Sequence[int] = (),
    **more: object,
) -> PartitionView:
    """A partition with a copy on each of three brokers, which end at `ends`; led in turn unless said otherwise."""
    leader = more.pop("leader", number % 3 + 1)
    copies = tuple(
        ReplicaView(broker, broker not in down, end, end, 0) for broker, end in zip((1, 2, 3), ends, strict=True)
    )
    end = max((copy.log_end_offset for copy in copies if copy.alive), default=max(ends))
    return partition(name, number, 0, end, leader=leader, replicas=(1, 2, 3), isr=tuple(isr), copies=copies, **more)
