"""aiokafka's AIOKafkaAdminClient looks after a lab."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Part
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from engine.cluster import Cluster


@pytest.fixture
async def admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    opened = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await opened.start()
    yield opened
    await opened.close()


async def test_topics_are_made_grown_set_described_and_deleted(lab: Cluster, admin: AIOKafkaAdminClient) -> None:
    wanted = NewTopic("orders", 3, 2, topic_configs={"retention.ms": "60000"})
    made = await admin.create_topics([wanted])
    again = await admin.create_topics([wanted])
    assert [answer.topic_errors[0][1] for answer in (made, again)] == [0, 36]
    await admin.create_partitions({"orders": NewPartitions(5)})
    [topic] = await admin.describe_topics(["orders"])
    assert [part["replicas"] for part in topic["partitions"]][:3] == [[1, 2], [2, 3], [3, 1]]
    assert len(topic["partitions"]) == 5
    resource = ConfigResource(ConfigResourceType.TOPIC, "orders", configs={"max.message.bytes": "2000"})
    await admin.alter_configs([resource])
    assert lab.describe_topic("orders").config == (("max.message.bytes", "2000"),), "the old call sets all at once"
    [told] = await admin.describe_configs([resource])
    assert [entry[:2] for entry in told.resources[0][4]] == [("max.message.bytes", "2000")]
    assert (await admin.describe_cluster())["cluster_id"] == lab.controller.cluster_id
    assert await admin.list_topics() == ["orders"]
    gone = await admin.delete_topics(["orders", "nowhere"])
    assert gone.topic_error_codes == [("orders", 0), ("nowhere", 3)]


async def test_records_are_deleted_and_groups_described(
    lab: Cluster, admin: AIOKafkaAdminClient, bootstrap: str
) -> None:
    await lab.create_topic("orders")
    tp = Part("orders", 0)
    for number in range(5):
        await lab.browser.produce("orders", None, b"%d" % number)
    assert await admin.delete_records({tp: RecordsToDelete(3)}) == {tp: 3}
    options = {"group_id": "billing", "auto_offset_reset": "earliest", "enable_auto_commit": False}
    async with AIOKafkaConsumer("orders", bootstrap_servers=bootstrap, **options) as consumer:
        assert (await consumer.getone()).offset == 3
        await consumer.commit()
        [told] = await admin.describe_consumer_groups(["billing"])
        assert (told.groups[0][2], len(told.groups[0][5])) == ("Stable", 1)
    [told] = await admin.describe_consumer_groups(["billing"])
    assert (told.groups[0][2], told.groups[0][5]) == ("Empty", [])
    assert await admin.list_consumer_groups() == [("billing", "consumer")]
    assert (await admin.list_consumer_group_offsets("billing"))[tp].offset == 4
    assert await admin.find_coordinator("billing") in (1, 2, 3)
