"""kafka-python's KafkaAdminClient looks after a lab."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka import TopicPartition as Part
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic, OffsetSpec
from kafka.errors import (
    GroupIdNotFoundError,
    GroupSubscribedToTopicError,
    NoError,
    NonEmptyGroupError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata

from engine.cluster import Cluster
from engine.types import TopicPartition
from tests.wire.clients.members import until

ORDERS = Part("orders", 0)


@pytest.fixture
async def admin(bootstrap: str) -> AsyncIterator[KafkaAdminClient]:
    opened = await asyncio.to_thread(KafkaAdminClient, bootstrap_servers=bootstrap.split(","))
    yield opened
    await asyncio.to_thread(opened.close)


async def test_topics_are_made_grown_and_described_page_by_page(lab: Cluster, admin: KafkaAdminClient) -> None:
    wanted = [NewTopic("orders", 3, 2, topic_configs={"retention.ms": "60000"})]
    await asyncio.to_thread(admin.create_topics, wanted)
    with pytest.raises(TopicAlreadyExistsError):
        await asyncio.to_thread(admin.create_topics, wanted)
    await asyncio.to_thread(admin.create_partitions, {"orders": NewPartitions(5)})
    assert len(lab.describe_topic("orders").partitions) == 5
    cursor: Any = None
    seen = []
    for _ in range(3):
        page = await asyncio.to_thread(admin.describe_topic_partitions, ["orders"], 2, cursor)
        seen.append([part["partition_index"] for part in page["topics"][0]["partitions"]])
        cursor = page["next_cursor"]
    assert (seen, cursor) == ([[0, 1], [2, 3], [4]], None)
    cluster = await asyncio.to_thread(admin.describe_cluster)
    assert [broker["broker_id"] for broker in cluster["brokers"]] == [1, 2, 3]
    await asyncio.to_thread(admin.delete_topics, ["orders"])
    assert lab.snapshot().topic("orders") is None


async def test_settings_are_changed_and_put_back(lab: Cluster, admin: KafkaAdminClient) -> None:
    await lab.create_topic("orders")
    wanted = ConfigResource(ConfigResourceType.TOPIC, "orders", {"retention.ms": "60000"})
    await asyncio.to_thread(admin.alter_configs, [wanted])
    assert lab.describe_topic("orders").config == (("retention.ms", "60000"),)
    asked = [ConfigResource(ConfigResourceType.TOPIC, "orders")]
    told = await asyncio.to_thread(admin.describe_configs, asked)
    assert told["topic"]["orders"]["retention.ms"]["config_source"] == "DYNAMIC_TOPIC_CONFIG"
    back = ConfigResource(ConfigResourceType.TOPIC, "orders", {"retention.ms": None})
    await asyncio.to_thread(admin.reset_configs, [back])
    assert lab.describe_topic("orders").config == ()


async def test_a_partition_is_moved_and_its_preferred_replica_leads_it(lab: Cluster, admin: KafkaAdminClient) -> None:
    await lab.create_topic("orders", replication_factor=2)
    tp = TopicPartition("orders", 0)
    lab.faults.cut(3, 1)  # so that broker 3 cannot copy yet
    assert await asyncio.to_thread(admin.alter_partition_reassignments, {ORDERS: [3, 1]}) == {ORDERS: None}
    moving = await asyncio.to_thread(admin.list_partition_reassignments)
    assert moving == {ORDERS: {"replicas": [3, 1, 2], "adding_replicas": [3], "removing_replicas": [2]}}
    lab.faults.heal(3, 1)
    await until(lab, lambda: lab.controller.state_of(tp).replicas == (3, 1))
    assert await asyncio.to_thread(admin.list_partition_reassignments) == {}
    assert lab.controller.leader_of(tp) == 1
    await asyncio.to_thread(admin.elect_leaders, 0, {"orders": [0]})
    assert lab.controller.leader_of(tp) == 3
    [told] = await asyncio.to_thread(admin.describe_log_dirs, None, [3])
    assert "orders" in [topic["name"] for topic in told["log_dirs"][0]["topics"]]


async def test_offsets_of_a_group_are_reset_and_forgotten_once_it_is_empty(
    lab: Cluster, admin: KafkaAdminClient, bootstrap: str
) -> None:
    await lab.create_topic("orders")
    for number in range(3):
        await lab.browser.produce("orders", None, b"%d" % number)
    await asyncio.to_thread(admin.delete_records, {ORDERS: 1})
    consumer = await asyncio.to_thread(
        lambda: KafkaConsumer(
            "orders", bootstrap_servers=bootstrap.split(","), group_id="billing", auto_offset_reset="earliest"
        )
    )

    def read() -> None:
        taken = 0
        while taken < 2:
            taken += sum(map(len, consumer.poll(1_000).values()))
        consumer.commit()

    await asyncio.to_thread(read)
    listed = await asyncio.to_thread(admin.list_groups, states_filter=["Stable"])
    assert [(group["group_id"], group["group_type"]) for group in listed] == [("billing", "classic")]
    assert await asyncio.to_thread(admin.list_groups, states_filter=["Empty"]) == []
    told = await asyncio.to_thread(admin.describe_groups, ["billing", "nobody"])
    assert told["billing"]["members"][0]["member_assignment"]["assigned_partitions"] == [
        {"topic": "orders", "partitions": [0]}
    ]
    assert told["nobody"]["group_state"] == "Dead"
    back = {ORDERS: OffsetAndMetadata(2, "", -1)}
    assert await asyncio.to_thread(admin.alter_group_offsets, "billing", back) == {ORDERS: UnknownMemberIdError}
    forget = [ORDERS]
    assert await asyncio.to_thread(admin.delete_group_offsets, "billing", forget) == {
        ORDERS: GroupSubscribedToTopicError
    }
    assert await asyncio.to_thread(admin.delete_groups, ["billing"]) == {"billing": NonEmptyGroupError.__name__}

    await asyncio.to_thread(consumer.close)
    assert await asyncio.to_thread(admin.alter_group_offsets, "billing", back) == {ORDERS: NoError}
    reset = await asyncio.to_thread(admin.reset_group_offsets, "billing", {ORDERS: OffsetSpec.EARLIEST})
    assert reset[ORDERS]["offset"] == 1
    committed = await asyncio.to_thread(admin.list_group_offsets, "billing")
    assert committed["billing"][ORDERS].offset == 1
    assert await asyncio.to_thread(admin.delete_group_offsets, "billing", forget) == {ORDERS: NoError}
    assert await asyncio.to_thread(admin.delete_groups, ["billing", "nobody"]) == {
        "billing": "OK",
        "nobody": GroupIdNotFoundError.__name__,
    }
