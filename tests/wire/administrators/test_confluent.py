"""confluent-kafka's AdminClient (librdkafka) looks after a lab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    ElectionType,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from engine import types
from engine.cluster import Cluster

WAIT_S = 30
TOPIC, BROKER = ConfigResource.Type.TOPIC, ConfigResource.Type.BROKER


@pytest.fixture
def admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap})


async def done(asked: Callable[[], dict[Any, Any]]) -> dict[Any, Any]:
    """What each thing that was asked for came to: its result, or the code of its error."""

    def work() -> dict[Any, Any]:
        return {name: _result(future) for name, future in asked().items()}

    return await asyncio.to_thread(work)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result(WAIT_S)
    except KafkaException as error:
        return int(error.args[0].code())


async def test_topics_are_made_grown_described_and_deleted(lab: Cluster, admin: AdminClient) -> None:
    wanted = [
        NewTopic("orders", 3, 2, config={"retention.ms": "60000"}),
        NewTopic("placed", num_partitions=2, replica_assignment=[[3, 1], [2, 3]]),
        NewTopic("none", 0, 1),
        NewTopic("many", 1, 9),
        NewTopic("odd", 1, 1, config={"no.such": "1"}),
    ]
    assert await done(lambda: admin.create_topics(wanted)) == {
        "orders": None,
        "placed": None,
        "none": KafkaError.INVALID_PARTITIONS,
        "many": KafkaError.INVALID_REPLICATION_FACTOR,
        "odd": KafkaError.INVALID_CONFIG,
    }
    assert [partition.replicas for partition in lab.describe_topic("placed").partitions] == [(3, 1), (2, 3)]
    tried = await done(lambda: admin.create_topics([NewTopic("tried", 1, 1)], validate_only=True))
    assert (tried, lab.snapshot().topic("tried")) == ({"tried": None}, None)

    grown = await done(lambda: admin.create_partitions([NewPartitions("orders", 5), NewPartitions("placed", 1)]))
    assert grown == {"orders": None, "placed": KafkaError.INVALID_PARTITIONS}
    told = await done(lambda: admin.describe_topics(TopicCollection(["orders", "nowhere"])))
    assert told["nowhere"] == KafkaError.UNKNOWN_TOPIC_OR_PART
    assert [(part.leader.id, len(part.isr)) for part in told["orders"].partitions][:3] == [(1, 2), (2, 2), (3, 2)]
    cluster = await asyncio.to_thread(lambda: admin.describe_cluster().result(WAIT_S))
    assert sorted(node.id for node in cluster.nodes) == [1, 2, 3]
    assert cluster.cluster_id == lab.controller.cluster_id

    gone = await done(lambda: admin.delete_topics(["orders", "nowhere"]))
    assert gone == {"orders": None, "nowhere": KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert lab.snapshot().topic("orders") is None
    assert "Topic orders was deleted" in lab.events.last(1)[0].sentence()


async def test_settings_are_read_and_changed_step_by_step(lab: Cluster, admin: AdminClient) -> None:
    await lab.create_topic("orders", config={"retention.ms": "60000"})
    orders, broker = ConfigResource(TOPIC, "orders"), ConfigResource(BROKER, "2")
    told = await done(lambda: admin.describe_configs([orders, broker]))
    retention = told[orders]["retention.ms"]
    assert (retention.value, retention.source) == ("60000", ConfigSource.DYNAMIC_TOPIC_CONFIG.value)
    assert [synonym.value for synonym in retention.synonyms.values()] == ["60000", "604800000"]
    assert told[broker]["num.partitions"].is_read_only
    steps = [
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
    ]
    wanted = ConfigResource(TOPIC, "orders", incremental_configs=steps)
    refused = ConfigResource(
        BROKER,
        "2",
        incremental_configs=[ConfigEntry("num.partitions", "3", incremental_operation=AlterConfigOpType.SET)],
    )
    assert await done(lambda: admin.incremental_alter_configs([wanted])) == {wanted: None}
    assert lab.describe_topic("orders").config == (("cleanup.policy", "delete,compact"),)
    assert await done(lambda: admin.incremental_alter_configs([refused])) == {refused: KafkaError.INVALID_REQUEST}


async def test_records_are_deleted_up_to_an_offset(lab: Cluster, admin: AdminClient) -> None:
    await lab.create_topic("orders")
    for number in range(5):
        await lab.browser.produce("orders", None, b"%d" % number)
    upto, beyond = TopicPartition("orders", 0, 3), TopicPartition("orders", 0, 9)
    assert (await done(lambda: admin.delete_records([upto])))[upto].low_watermark == 3
    assert await done(lambda: admin.delete_records([beyond])) == {beyond: KafkaError.OFFSET_OUT_OF_RANGE}
    asked = TopicPartition("orders", 0)
    earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    first = await done(lambda: admin.list_offsets({asked: earliest}))
    assert first[asked].offset == 3


async def test_a_group_is_listed_described_reset_and_deleted_once_it_is_empty(
    lab: Cluster, admin: AdminClient, bootstrap: str
) -> None:
    await lab.create_topic("orders", partitions=2)
    for partition in (0, 1):
        await lab.browser.produce("orders", None, b"v", partition=partition)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "billing", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])

    def read() -> None:
        taken = 0
        while taken < 2:
            message = consumer.poll(WAIT_S)
            assert message is not None
            taken += message.error() is None
        consumer.commit(asynchronous=False)

    await asyncio.to_thread(read)
    listed = await asyncio.to_thread(lambda: admin.list_consumer_groups().result(WAIT_S))
    assert [(group.group_id, group.state.name, group.type.name) for group in listed.valid] == [
        ("billing", "STABLE", "CLASSIC")
    ]
    told = (await done(lambda: admin.describe_consumer_groups(["billing"])))["billing"]
    [member] = told.members
    assert (told.state.name, told.partition_assignor, member.host) == ("STABLE", "range", "/127.0.0.1")
    assert sorted(tp.partition for tp in member.assignment.topic_partitions) == [0, 1]
    back = ConsumerGroupTopicPartitions("billing", [TopicPartition("orders", 0, 0)])
    refused = (await done(lambda: admin.alter_consumer_group_offsets([back])))["billing"]
    assert [tp.error.code() for tp in refused.topic_partitions] == [KafkaError.UNKNOWN_MEMBER_ID]
    assert await done(lambda: admin.delete_consumer_groups(["billing"])) == {"billing": KafkaError.NON_EMPTY_GROUP}

    await asyncio.to_thread(consumer.close)
    moved = (await done(lambda: admin.alter_consumer_group_offsets([back])))["billing"]
    assert [tp.error for tp in moved.topic_partitions] == [None]
    assert "1 record will be delivered again" in lab.events.last(1)[0].sentence()
    asked = [ConsumerGroupTopicPartitions("billing")]
    committed = (await done(lambda: admin.list_consumer_group_offsets(asked)))["billing"]
    assert {tp.partition: tp.offset for tp in committed.topic_partitions} == {0: 0, 1: 1}
    gone = await done(lambda: admin.delete_consumer_groups(["billing", "nobody"]))
    assert gone == {"billing": None, "nobody": KafkaError.GROUP_ID_NOT_FOUND}
    assert lab.snapshot().group("billing") is None


async def test_an_election_says_what_became_of_each_partition(lab: Cluster, admin: AdminClient) -> None:
    await lab.create_topic("orders", replication_factor=3)
    tp = types.TopicPartition("orders", 0)
    await lab.nodes.stop(1)
    assert lab.controller.leader_of(tp) == 2
    asked = TopicPartition("orders", 0)

    def elect() -> Any:
        return admin.elect_leaders(ElectionType.PREFERRED, [asked]).result(WAIT_S)[asked]

    assert (await asyncio.to_thread(elect)).code() == KafkaError.PREFERRED_LEADER_NOT_AVAILABLE
