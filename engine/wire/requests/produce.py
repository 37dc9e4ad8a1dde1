"""Produce 0 to 13: append batches to partitions; topics by id in version 13.

Read and written by hand, so that batches are never copied on their way in. Version 0 is offered because librdkafka
before 2.0 takes a broker without it for one that cannot compress; but only record batches of format 2 are taken,
what is older gets UNSUPPORTED_FOR_MESSAGE_FORMAT. With acks=0 nothing is answered; where such a request fails the
connection is closed, as Kafka does.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import ProducedPartition, ProduceRequest
from engine.types import TopicPartition
from engine.wire import primitives as wire
from engine.wire.context import Context
from engine.wire.leaders import Leader, endpoints_tag, leader_instead, leader_tag
from engine.wire.primitives import Buffer, Malformed, Reader
from engine.wire.topics import named

NAME, KEY, VERSIONS = "Produce", 0, (0, 13)

_ACKS_TIMEOUT = struct.Struct(">hi")
_RESULT = struct.Struct(">ihq")
_NO_BATCH = b""


@dataclass(slots=True)
class Asked:
    """A request: each topic, by name or id, with the number and the bytes of each partition."""

    transactional_id: str | None
    acks: int
    timeout_ms: int
    topics: list[tuple[str | bytes, list[tuple[int, Buffer]]]]

    def line(self, names: Mapping[bytes, str]) -> str:
        """What it says, on one line."""
        where = ", ".join(
            f"{named(topic, names)}-{number}: {len(records):,} bytes"
            for topic, partitions in self.topics
            for number, records in partitions
        )
        transaction = f" transactional_id={self.transactional_id}" if self.transactional_id else ""
        return f"acks={self.acks}{transaction} {where}"


def read(reader: Reader, version: int) -> Asked:
    """The request, whose batches are views of the frame."""
    flexible = version >= 9
    if flexible:
        reader.skip_tags()
    string, blob, array = (
        (reader.compact_string, reader.compact_blob, reader.compact_array)
        if flexible
        else (reader.string, reader.blob, reader.array)
    )
    transactional_id = string() if version >= 3 else None
    acks, timeout_ms = reader.fixed(_ACKS_TIMEOUT)
    topics: list[tuple[str | bytes, list[tuple[int, Buffer]]]] = []
    for _ in range(array() or 0):
        topic = bytes(reader.take(16)) if version >= 13 else string()
        if topic is None:
            raise Malformed("a topic's name is null")
        partitions: list[tuple[int, Buffer]] = []
        for _ in range(array() or 0):
            partitions.append((reader.int32(), blob() or _NO_BATCH))
            if flexible:
                reader.skip_tags()
        if flexible:
            reader.skip_tags()
        topics.append((topic, partitions))
    return Asked(transactional_id, acks, timeout_ms, topics)  # type: ignore[arg-type]


@dataclass(slots=True)
class Answered:
    """What became of each partition, in the order asked; and who leads where this broker does not."""

    topics: list[tuple[str | bytes, list[tuple[int, ProducedPartition, Leader | None]]]]
    endpoints: bytes = b""

    def line(self, names: Mapping[bytes, str]) -> str:
        """What it says, on one line."""
        return ", ".join(
            f"{named(topic, names)}-{number}: {found.error.name if found.error else f'at {found.base_offset:,}'}"
            for topic, partitions in self.topics
            for number, found, _ in partitions
        )


async def serve(request: Asked, context: Context) -> Answered | None:
    """Where the batches lie now."""
    names = context.image.names
    batches: dict[TopicPartition, Buffer] = {}
    for topic, partitions in request.topics:
        name = topic if isinstance(topic, str) else names.get(topic)
        if name is not None:
            for number, records in partitions:
                batches[TopicPartition(name, number)] = records
    answer = await context.ask(
        ProduceRequest(request.acks, request.timeout_ms, batches, request.transactional_id)  # type: ignore[arg-type]
    )
    if request.acks == 0:
        failed = next((each for each in answer.partitions.values() if each.error), None)
        if failed is not None:
            context.connection.close(f"what it produced with acks=0 failed: {failed.message or failed.error.name}")
        return None
    return _answered(request, context, answer.partitions, ProducedPartition(ErrorCode.UNKNOWN_TOPIC_ID))


def side_by_side(request: Asked) -> bool:
    """Outside of transactions; within one the coordinator may have to be asked first."""
    return request.transactional_id is None


def refused(request: Asked, error: KafkaError, context: Context) -> Answered | None:
    """The same error for each partition."""
    if request.acks == 0:
        context.connection.close(f"what it produced with acks=0 failed: {error}")
        return None
    return _answered(request, context, {}, ProducedPartition(error.code, message=str(error)))


def _answered(request: Asked, context: Context, found: Any, otherwise: ProducedPartition) -> Answered:
    topics: list[tuple[str | bytes, list[tuple[int, ProducedPartition, Leader | None]]]] = []
    leaders: list[Leader] = []
    for topic, partitions in request.topics:
        name = topic if isinstance(topic, str) else context.image.names.get(topic, "")
        answers: list[tuple[int, ProducedPartition, Leader | None]] = []
        for number, _ in partitions:
            tp = TopicPartition(name, number)
            each = found.get(tp, otherwise)
            leader = leader_instead(each.error, tp, context) if each.error else None
            if leader is not None:
                leaders.append(leader)
            answers.append((number, each, leader))
        topics.append((topic, answers))
    return Answered(topics, endpoints_tag(0, leaders, context) if leaders else b"")


def write(answer: Answered, version: int) -> list[Buffer]:
    """The answer, from its header's tagged fields on."""
    flexible = version >= 9
    array = wire.compact_array if flexible else wire.array
    out = bytearray(b"\0" if flexible else b"")
    out += array(len(answer.topics))
    for topic, partitions in answer.topics:
        out += topic if isinstance(topic, bytes) else wire.compact_string(topic) if flexible else wire.string(topic)
        out += array(len(partitions))
        for number, found, leader in partitions:
            _write_partition(out, version, number, found, leader)
        if flexible:
            out += b"\0"
    if version >= 1:
        out += b"\0\0\0\0"
    if flexible:
        out += b"\1" + answer.endpoints if answer.endpoints and version >= 10 else b"\0"
    return [out]


def _write_partition(
    out: bytearray, version: int, number: int, found: ProducedPartition, leader: Leader | None
) -> None:
    out += _RESULT.pack(number, found.error, found.base_offset)
    if version >= 2:
        out += wire.INT64.pack(found.log_append_time)
    if version >= 5:
        out += wire.INT64.pack(found.log_start_offset)
    message = found.message or None
    if version >= 9:
        out += b"\1" + wire.compact_string(message)
        out += b"\1" + leader_tag(0, leader) if leader is not None and version >= 10 else b"\0"
    elif version == 8:
        out += b"\0\0\0\0" + wire.string(message)
