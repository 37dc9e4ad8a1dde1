"""Topics as the controller makes, grows, sets and deletes them."""

from __future__ import annotations

from math import nan

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import (
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidRecordError,
    InvalidReplicationFactorError,
    InvalidRequestError,
    InvalidTimestampError,
    InvalidTopicError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from engine.types import TopicPartition
from tests.engine.storage.helpers import batch_of


async def test_leaders_are_spread_over_the_brokers(cluster: Cluster) -> None:
    await cluster.create_topic("orders", partitions=6)
    leaders = [partition.leader for partition in cluster.describe_topic("orders").partitions]
    assert leaders == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("name", ["", ".", "..", "a" * 250, "with space", "ümlaut", "slash/", "line\n"])
async def test_a_name_that_kafka_would_not_take_is_refused(cluster: Cluster, name: str) -> None:
    with pytest.raises(InvalidTopicError):
        await cluster.create_topic(name)
    assert cluster.snapshot().topics == ()


async def test_names_that_differ_by_dot_and_underscore_collide(cluster: Cluster) -> None:
    await cluster.create_topic("a.b")
    with pytest.raises(InvalidTopicError, match="collides"):
        await cluster.create_topic("a_b")


async def test_a_second_topic_of_the_same_name_is_refused(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    with pytest.raises(TopicAlreadyExistsError, match="choose another name"):
        await cluster.create_topic("orders")


@pytest.mark.parametrize("partitions", [0, -1, 10_001])
async def test_partition_counts_outside_the_range_are_refused(cluster: Cluster, partitions: int) -> None:
    with pytest.raises(InvalidPartitionsError):
        await cluster.create_topic("orders", partitions=partitions)


async def test_a_replication_factor_above_the_brokers_is_refused(cluster: Cluster) -> None:
    with pytest.raises(InvalidReplicationFactorError, match="3 brokers alive"):
        await cluster.create_topic("orders", replication_factor=4)


@pytest.mark.parametrize("config", [{"retention.ms": "soon"}, {"no.such": "1"}, {"min.insync.replicas": "0"}])
async def test_settings_that_do_not_make_sense_are_refused(cluster: Cluster, config: dict[str, str]) -> None:
    with pytest.raises(InvalidConfigError):
        await cluster.create_topic("orders", config=config)
    assert cluster.snapshot().topic("orders") is None


async def test_a_topic_grows_but_does_not_shrink(cluster: Cluster) -> None:
    await cluster.create_topic("orders", partitions=2)
    await cluster.create_partitions("orders", 5)
    assert [p.leader for p in cluster.describe_topic("orders").partitions] == [1, 2, 3, 1, 2]
    with pytest.raises(InvalidPartitionsError, match="6 or more"):
        await cluster.create_partitions("orders", 5)


async def test_a_deleted_topic_takes_its_records_along(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    await cluster.browser.produce("orders", b"k", b"v")
    await cluster.delete_topic("orders")
    assert cluster.snapshot().topic("orders") is None
    await cluster.create_topic("orders")
    assert cluster.describe_topic("orders").partitions[0].log_end_offset == 0


async def test_the_internal_topic_can_neither_be_deleted_nor_grown_nor_made_by_hand(cluster: Cluster) -> None:
    with pytest.raises(InvalidTopicError):
        await cluster.create_topic("__consumer_offsets")
    await cluster.controller.ensure_offsets_topic()
    with pytest.raises(InvalidTopicError):
        await cluster.delete_topic("__consumer_offsets")
    with pytest.raises(InvalidPartitionsError):
        await cluster.create_partitions("__consumer_offsets", 60)


async def test_settings_can_be_set_and_put_back(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"retention.ms": "60000"})
    await cluster.alter_topic_config("orders", {"retention.ms": None, "max.message.bytes": "2000"})
    assert cluster.describe_topic("orders").config == (("max.message.bytes", "2000"),)
    assert cluster.controller.topic("orders").config.retention_ms == 604_800_000


async def test_settings_may_be_given_as_numbers(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"retention.ms": 60_000})  # type: ignore[dict-item]
    await cluster.alter_topic_config("orders", {"max.message.bytes": 2_000})  # type: ignore[dict-item]
    assert cluster.describe_topic("orders").config == (("max.message.bytes", "2000"), ("retention.ms", "60000"))
    assert "max.message.bytes=2000" in cluster.events.last(1)[0].sentence()


async def test_numbers_that_are_not_whole_make_and_grow_no_topic(cluster: Cluster) -> None:
    with pytest.raises(InvalidPartitionsError, match=r"not 2\.5"):
        await cluster.create_topic("orders", partitions=2.5)  # type: ignore[arg-type]
    with pytest.raises(InvalidReplicationFactorError, match=r"not 1\.5"):
        await cluster.create_topic("orders", replication_factor=1.5)  # type: ignore[arg-type]
    await cluster.create_topic("orders")
    with pytest.raises(InvalidPartitionsError, match=r"not 2\.5"):
        await cluster.create_partitions("orders", 2.5)  # type: ignore[arg-type]


async def test_an_unknown_topic_is_named(cluster: Cluster) -> None:
    with pytest.raises(UnknownTopicOrPartitionError, match="nowhere"):
        await cluster.delete_topic("nowhere")


async def test_a_record_above_max_message_bytes_is_refused_in_words(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"max.message.bytes": "1000"})
    with pytest.raises(RecordTooLargeError, match="1,000"):
        await cluster.browser.produce("orders", None, b"x" * 2000)


async def test_a_compacted_topic_refuses_records_without_a_key(cluster: Cluster) -> None:
    await cluster.create_topic("state", config={"cleanup.policy": "compact"})
    with pytest.raises(InvalidRecordError, match="key"):
        await cluster.browser.produce("state", None, b"v")


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [
        ("message.timestamp.before.max.ms", (-1_001, 0), (-999, 0)),
        ("message.timestamp.after.max.ms", (0, 1_001), (0, 999)),
    ],
)
async def test_records_too_far_from_the_brokers_clock_are_refused_where_a_topic_wants_it(
    cluster: Cluster, clock: ManualClock, setting: str, wrong: tuple[int, int], right: tuple[int, int]
) -> None:
    await cluster.create_topic("orders", config={setting: "1000"})
    leader = cluster.nodes.leader(TopicPartition("orders", 0))

    def batch(offsets_ms: tuple[int, int]) -> bytes:
        return batch_of([(b"k", b"v")] * 2, [clock.now() + ms for ms in offsets_ms])

    with pytest.raises(InvalidTimestampError, match=setting):
        await leader.append(batch(wrong))
    await leader.append(batch(right))
    await cluster.alter_topic_config("orders", {"message.timestamp.type": "LogAppendTime"})
    await leader.append(batch(wrong))


async def test_log_append_time_is_the_brokers(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", config={"message.timestamp.type": "LogAppendTime"})
    async with cluster.producer() as producer:
        sent = await producer.send_and_wait("orders", b"v", timestamp_ms=5)
    assert sent.timestamp == clock.now()
    page = await cluster.browser.read(TopicPartition("orders", 0), 0)
    assert page.rows[0].record.timestamp == clock.now()


async def test_a_topics_own_compression_is_what_is_stored(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"compression.type": "zstd"})
    await cluster.browser.produce("orders", b"k", b"v" * 500)
    page = await cluster.browser.read(TopicPartition("orders", 0), 0)
    assert (page.rows[0].compression, page.rows[0].record.value) == ("zstd", b"v" * 500)


async def test_retention_by_time_moves_the_log_start(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", config={"retention.ms": "60000"})
    for _ in range(3):
        await cluster.browser.produce("orders", None, b"old")
    await clock.advance(61_000)
    await cluster.browser.produce("orders", None, b"new")
    await clock.advance(cluster.config.log_retention_check_interval_ms)
    [partition] = cluster.describe_topic("orders").partitions
    assert (partition.log_start_offset, partition.log_end_offset) == (3, 4)
    assert "Retention removed 3" in cluster.events.last(1)[0].sentence()


async def test_deleted_records_are_gone_and_the_rest_keeps_its_offsets(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    tp = TopicPartition("orders", 0)
    for number in range(5):
        await cluster.browser.produce("orders", None, b"%d" % number)
    assert await cluster.delete_records(tp, 3) == 3
    page = await cluster.browser.read(tp, 0)
    assert [(row.record.offset, row.record.value) for row in page.rows] == [(3, b"3"), (4, b"4")]
    with pytest.raises(OffsetOutOfRangeError):
        await cluster.delete_records(tp, 6)
    for wrong in (3.5, nan, "4"):
        with pytest.raises(InvalidRequestError, match="whole number"):
            await cluster.delete_records(tp, wrong)  # type: ignore[arg-type]
    assert cluster.describe_topic("orders").partitions[0].log_start_offset == 3
