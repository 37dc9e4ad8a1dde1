"""Who leads instead, told along with an error, so that a client need not ask for metadata first (KIP-951)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.errors import ErrorCode
from engine.types import TopicPartition
from engine.wire import primitives as wire
from engine.wire.context import Context

_MOVED = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)


class Leader(NamedTuple):
    """A partition's leader and its epoch."""

    broker_id: int
    epoch: int


def leader_instead(error: ErrorCode, tp: TopicPartition, context: Context) -> Leader | None:
    """The leader to turn to, where the error says that another one leads."""
    if error not in _MOVED:
        return None
    topic = context.image.topics.get(tp.topic)
    if topic is None or not 0 <= tp.partition < len(topic.partitions):
        return None
    state = topic.partitions[tp.partition]
    return Leader(-1 if state.leader is None else state.leader, state.leader_epoch)


def leader_tag(tag: int, leader: Leader) -> bytes:
    """The tagged field `current_leader`."""
    data = wire.INT32.pack(leader.broker_id) + wire.INT32.pack(leader.epoch) + b"\0"
    return wire.varint(tag) + wire.varint(len(data)) + data


def endpoints_tag(tag: int, leaders: Iterable[Leader], context: Context) -> bytes:
    """The tagged field `node_endpoints`: where these leaders are reached."""
    addresses = context.addresses()
    known = sorted({leader.broker_id for leader in leaders if leader.broker_id in addresses})
    data = wire.compact_array(len(known))
    for broker_id in known:
        host, port = addresses[broker_id]
        data += wire.INT32.pack(broker_id) + wire.compact_string(host) + wire.INT32.pack(port) + b"\0\0"
    return wire.varint(tag) + wire.varint(len(data)) + data
