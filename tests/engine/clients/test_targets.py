"""Where a producer's records go: topics that are there, or made, and their partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from engine.errors import (
    IllegalStateError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaTimeoutError,
)
from tests.engine.clients.lab import Lab


async def test_an_unknown_topic_is_made_when_it_is_first_sent_to(lab: Lab) -> None:
    producer = await lab.producer()
    metadata = await lab.run(producer.send_and_wait("fresh", b"v"))
    assert (metadata.topic, metadata.partition, metadata.offset) == ("fresh", 0, 0)
    assert await producer.partitions_for("orders") == set(range(6))


async def test_what_is_no_topic_name_at_all_is_refused_and_topics_are_found_afterwards(lab: Lab) -> None:
    producer = await lab.producer()
    nothing: Any = None
    with pytest.raises(TypeError, match="by its name, not by None"):
        await lab.run(producer.send(nothing, b"v"))
    assert (await lab.run(producer.send_and_wait("fresh", b"v"))).offset == 0


async def test_a_time_beyond_int64_is_refused(lab: Lab) -> None:
    producer = await lab.producer()
    with pytest.raises(InvalidTimestampError, match=str(2**63)):
        await producer.send("single", b"v", timestamp_ms=2**63)
    assert producer.buffered == 0
    assert (await lab.run(producer.send_and_wait("single", b"v", timestamp_ms=2**63 - 1))).offset == 0


async def test_a_topic_name_kafka_does_not_allow_is_refused_at_once(lab: Lab) -> None:
    producer = await lab.producer()
    with pytest.raises(InvalidTopicError):
        await lab.run(producer.send("no spaces", b"v"))


async def test_a_partition_the_topic_does_not_have_is_waited_for_up_to_max_block_ms(lab: Lab) -> None:
    producer = await lab.producer(max_block_ms=2_000)
    with pytest.raises(KafkaTimeoutError, match="Partition 4 of 'single'"):
        await lab.run(producer.send("single", b"v", partition=4))
    waiting = asyncio.create_task(producer.send("single", b"v", partition=4))
    await lab.clock.advance(1_000)
    await lab.cluster.create_partitions("single", 5)
    await lab.clock.until(waiting.done)
    await lab.run(producer.flush())
    assert waiting.result().result().partition == 4
    with pytest.raises(IllegalStateError, match="from 0"):
        await producer.send("single", b"v", partition=-1)


async def test_new_partitions_are_used_once_metadata_is_old_enough(lab: Lab) -> None:
    producer = await lab.producer(metadata_max_age_ms=5_000, partitioner="roundrobin")
    await lab.run(producer.send_and_wait("single", b"v"))
    await lab.cluster.create_partitions("single", 3)
    await lab.clock.advance(5_100)
    used = {(await lab.run(producer.send_and_wait("single", b"v"))).partition for _ in range(6)}
    assert used == {0, 1, 2}


async def test_a_callable_partitioner_is_asked_as_in_aiokafka(lab: Lab) -> None:
    asked: list[tuple[bytes | None, Sequence[int], Sequence[int]]] = []

    def choose(key: bytes | None, everywhere: Sequence[int], available: Sequence[int]) -> int:
        asked.append((key, everywhere, available))
        return 5 if key != b"bad" else 6

    producer = await lab.producer(partitioner=choose)
    assert (await lab.run(producer.send_and_wait("orders", b"v", key=b"k"))).partition == 5
    assert asked == [(b"k", list(range(6)), list(range(6)))]
    with pytest.raises(IllegalStateError, match="partition 6"):
        await producer.send("orders", b"v", key=b"bad")


async def test_keyless_records_stick_to_a_partition_and_then_go_to_others(lab: Lab) -> None:
    producer = await lab.producer(max_batch_size=1_000, rng=Random(3))
    partitions = [(await lab.run(producer.send_and_wait("orders", bytes(100)))).partition for _ in range(40)]
    changes = sum(a != b for a, b in pairwise(partitions))
    assert 3 <= changes <= 8
    assert len(set(partitions)) >= 3
