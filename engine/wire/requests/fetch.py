"""Fetch 4 to 18: read batches as they are stored; with sessions (KIP-227), topics by id from version 13 on.

The answer is written by hand and holds the very batches of the log. Whoever fetches from outside is a consumer,
whatever replica id it names. Batches are not converted for old clients, and consumers read from leaders alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import FetchedPartition, FetchPosition, FetchRequest, IsolationLevel
from engine.types import TopicPartition
from engine.wire import primitives as wire
from engine.wire.context import Context
from engine.wire.leaders import Leader, endpoints_tag, leader_instead, leader_tag
from engine.wire.primitives import Buffer
from engine.wire.sessions import FINAL_EPOCH, INITIAL_EPOCH, FetchSession, Key, Wanted
from engine.wire.topics import named

NAME, KEY, VERSIONS = "Fetch", 1, (4, 18)

MOST_BYTES = 57_671_680
"""Kafka's `fetch.max.bytes` of a broker."""

_FIGURES = struct.Struct(">ihqq")
_ABORTED = struct.Struct(">qq")


@dataclass(slots=True)
class Answered:
    """What was found, by topic; and the session it belongs to."""

    error: ErrorCode = ErrorCode.NONE
    session_id: int = 0
    topics: dict[str | bytes, list[tuple[int, FetchedPartition, Leader | None]]] = field(default_factory=dict)
    endpoints: bytes = b""

    def line(self, names: Mapping[bytes, str]) -> str:
        """What it says, on one line."""
        if self.error:
            return self.error.name
        return ", ".join(
            f"{named(topic, names)}-{number}: {_words(found)}"
            for topic, partitions in self.topics.items()
            for number, found, _ in partitions
        )


def _words(found: FetchedPartition) -> str:
    if found.error:
        return found.error.name
    if not found.batches:
        return f"nothing new, ends at {found.high_watermark:,}"
    count, size = len(found.batches), sum(map(len, found.batches))
    (begins,) = wire.INT64.unpack_from(found.batches[0])
    return f"{count} batch{'es' if count > 1 else ''} from {begins:,}, {size:,} bytes"


async def serve(request: Any, context: Context) -> Answered:
    """Batches from each partition; in a session, of those alone that have news."""
    by_id = context.version >= 13
    sessions = context.port.sessions
    wanted: dict[Key, Wanted] = dict(_asked(request, by_id))
    session: FetchSession | None = None
    if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH) or context.version < 7:
        sessions.end(request.session_id)
        if context.version >= 7 and request.session_epoch == INITIAL_EPOCH and wanted:
            session = sessions.begin(by_id=by_id)
        incremental = False
    else:
        known = sessions.go_on(request.session_id, request.session_epoch, by_id=by_id)
        if isinstance(known, ErrorCode):
            return Answered(known)
        session, incremental = known, True
    if session is not None:
        session.update(wanted.items(), _forgotten(request, by_id))
        wanted = dict(session.partitions)
    found = await _fetch(request, wanted, context)
    return _answered(found, wanted, session, incremental, context)


def _asked(request: Any, by_id: bool) -> Iterator[tuple[Key, Wanted]]:
    for topic in request.topics:
        name = topic.topic_id if by_id else topic.topic
        for each in topic.partitions:
            yield (
                (name, each.partition),
                Wanted(each.fetch_offset, each.partition_max_bytes, each.current_leader_epoch, each.last_fetched_epoch),
            )


def _forgotten(request: Any, by_id: bool) -> Iterator[Key]:
    for topic in request.forgotten_topics_data:
        name = topic.topic_id if by_id else topic.topic
        for number in topic.partitions:
            yield name, number


async def _fetch(request: Any, wanted: dict[Key, Wanted], context: Context) -> dict[Key, FetchedPartition]:
    """What the broker has for each; an id of no topic is an error that nobody waits with."""
    names = context.image.names
    keys: dict[TopicPartition, Key] = {}
    positions: dict[TopicPartition, FetchPosition] = {}
    unknown: dict[Key, FetchedPartition] = {}
    for key, each in wanted.items():
        topic, number = key
        name = topic if isinstance(topic, str) else names.get(topic)
        if name is None:
            unknown[key] = FetchedPartition(ErrorCode.UNKNOWN_TOPIC_ID)
            continue
        tp = TopicPartition(name, number)
        keys[tp] = key
        positions[tp] = FetchPosition(each.fetch_offset, each.max_bytes, each.leader_epoch, each.last_fetched_epoch)
    max_bytes = min(request.max_bytes, MOST_BYTES)
    answer = await context.ask(
        FetchRequest(
            positions,
            max_wait_ms=0 if unknown else request.max_wait,
            min_bytes=min(request.min_bytes, max_bytes),
            max_bytes=max_bytes,
            isolation_level=IsolationLevel(1 if request.isolation_level == 1 else 0),
        )
    )
    return {**unknown, **{keys[tp]: found for tp, found in answer.partitions.items()}}


def _answered(
    found: dict[Key, FetchedPartition],
    wanted: dict[Key, Wanted],
    session: FetchSession | None,
    incremental: bool,
    context: Context,
) -> Answered:
    answer = Answered(session_id=session.session_id if session is not None else 0)
    leaders: list[Leader] = []
    for key, each in found.items():
        if session is not None:
            told = wanted[key].news_in(each)
            if incremental and not told:
                continue
            if each.batches and key in session.partitions:
                session.served(key)
        topic, number = key
        leader = None
        if each.error:
            name = topic if isinstance(topic, str) else context.image.names.get(topic, "")
            leader = leader_instead(each.error, TopicPartition(name, number), context)
            if leader is not None:
                leaders.append(leader)
        answer.topics.setdefault(topic, []).append((number, each, leader))
    if leaders:
        answer.endpoints = endpoints_tag(0, leaders, context)
    return answer


def refused(request: Any, error: KafkaError, context: Context) -> Answered:
    """Nothing; before version 7 there is no place for an error but the partitions'."""
    if context.version >= 7:
        return Answered(error.code)
    answer = Answered()
    for (topic, number), _ in _asked(request, False):
        answer.topics.setdefault(topic, []).append((number, FetchedPartition(error.code), None))
    return answer


def write(answer: Answered, version: int) -> list[Buffer]:
    """The answer, from its header's tagged fields on; batches stand in it as they are."""
    flexible = version >= 12
    array = wire.compact_array if flexible else wire.array
    out = bytearray(b"\0\0\0\0\0" if flexible else b"\0\0\0\0")
    if version >= 7:
        out += wire.INT16.pack(answer.error) + wire.INT32.pack(answer.session_id)
    out += array(len(answer.topics))
    parts: list[Buffer] = []
    for topic, partitions in answer.topics.items():
        out += topic if isinstance(topic, bytes) else wire.compact_string(topic) if flexible else wire.string(topic)
        out += array(len(partitions))
        for number, found, leader in partitions:
            _write_head(out, version, number, found)
            size = sum(map(len, found.batches))
            out += wire.varint(size + 1) if flexible else wire.INT32.pack(size)
            if found.batches:
                parts += (out, *found.batches)
                out = bytearray()
            if flexible:
                _write_tags(out, found, leader)
        if flexible:
            out += b"\0"
    if flexible:
        out += b"\1" + answer.endpoints if answer.endpoints and version >= 16 else b"\0"
    if out:
        parts.append(out)
    return parts


def _write_head(out: bytearray, version: int, number: int, found: FetchedPartition) -> None:
    out += _FIGURES.pack(number, found.error, found.high_watermark, found.last_stable_offset)
    if version >= 5:
        out += wire.INT64.pack(found.log_start_offset)
    flexible = version >= 12
    out += (wire.compact_array if flexible else wire.array)(len(found.aborted))
    for aborted in found.aborted:
        out += _ABORTED.pack(*aborted)
        if flexible:
            out += b"\0"
    if version >= 11:
        out += b"\xff\xff\xff\xff"  # no preferred read replica


def _write_tags(out: bytearray, found: FetchedPartition, leader: Leader | None) -> None:
    tags: list[bytes] = []
    if found.diverging is not None:
        data = wire.INT32.pack(found.diverging.leader_epoch) + wire.INT64.pack(found.diverging.end_offset) + b"\0"
        tags.append(b"\0" + wire.varint(len(data)) + data)
    if leader is not None:
        tags.append(leader_tag(1, leader))
    out += wire.varint(len(tags)) + b"".join(tags)
