"""kafka-topics and its kin: what looks after topics, their settings, their records and their replicas."""

from __future__ import annotations

import json

import pytest

from engine.cluster import Cluster
from engine.types import TopicPartition
from tests.java.tools import Java, happened


@pytest.fixture
def at(java: Java) -> tuple[str, str]:
    return "--bootstrap-server", java.bootstrap


async def test_topics_are_made_described_grown_and_deleted(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    made = await java.good(
        "kafka-topics", *at, "--create", "--topic", "shop", "--partitions", "3", "--replication-factor", "3",
        "--config", "retention.ms=60000",
    )  # fmt: skip
    assert "Created topic shop." in made.text
    assert len(cluster.describe_topic("shop").partitions) == 3

    described = await java.good("kafka-topics", *at, "--describe", "--topic", "shop")
    assert "PartitionCount: 3" in described.text
    assert "ReplicationFactor: 3" in described.text
    assert "retention.ms=60000" in described.text
    leaders = [line for line in described.lines if "Leader: " in line]
    assert {line.split("Leader: ")[1].split()[0] for line in leaders} == {"1", "2", "3"}

    await java.good("kafka-topics", *at, "--alter", "--topic", "shop", "--partitions", "5")
    assert len(cluster.describe_topic("shop").partitions) == 5
    assert "shop" in (await java.good("kafka-topics", *at, "--list")).lines
    await java.good("kafka-topics", *at, "--delete", "--topic", "shop")
    assert cluster.snapshot().topic("shop") is None


async def test_what_cannot_be_is_refused_in_kafkas_words(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await cluster.create_topic("shop")
    again = await java.tool("kafka-topics", *at, "--create", "--topic", "shop")
    assert again.code == 1
    assert "TopicExistsException" in again.text
    many = await java.tool("kafka-topics", *at, "--create", "--topic", "wide", "--replication-factor", "4")
    assert many.code == 1
    assert "InvalidReplicationFactorException" in many.text
    missing = await java.tool("kafka-topics", *at, "--describe", "--topic", "nothing")
    assert "does not exist as expected" in missing.text


async def test_settings_are_set_read_and_taken_back(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await cluster.create_topic("shop")
    of_shop = (*at, "--entity-type", "topics", "--entity-name", "shop")
    await java.good("kafka-configs", *of_shop, "--alter", "--add-config", "retention.ms=60000,cleanup.policy=compact")
    described = await java.good("kafka-configs", *of_shop, "--describe")
    assert "retention.ms=60000" in described.text
    assert "cleanup.policy=compact" in described.text
    await java.good("kafka-configs", *of_shop, "--alter", "--delete-config", "retention.ms")
    assert "retention.ms=60000" not in (await java.good("kafka-configs", *of_shop, "--describe")).text
    wrong = await java.tool("kafka-configs", *of_shop, "--alter", "--add-config", "retention.ms=soon")
    assert wrong.code == 1
    assert "InvalidConfigurationException" in wrong.text or "InvalidRequestException" in wrong.text


async def test_offsets_are_listed_and_records_deleted(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await cluster.create_topic("shop")
    async with cluster.producer() as producer:
        for number in range(10):
            await producer.send_and_wait("shop", b"%d" % number)
    assert (await java.good("kafka-get-offsets", *at, "--topic", "shop")).lines == ["shop:0:10"]
    plan = java.folder / "delete.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "shop", "partition": 0, "offset": 4}]}))
    await java.good("kafka-delete-records", *at, "--offset-json-file", str(plan))
    earliest = await java.good("kafka-get-offsets", *at, "--topic", "shop", "--time", "earliest")
    assert earliest.lines == ["shop:0:4"]


async def test_a_partition_is_moved_and_led_by_its_preferred_replica(
    cluster: Cluster, java: Java, at: tuple[str, str]
) -> None:
    await cluster.create_topic("shop", replication_factor=1)
    tp = TopicPartition("shop", 0)
    plan = java.folder / "move.json"
    plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "shop", "partition": 0, "replicas": [3, 2]}]}))
    await java.good("kafka-reassign-partitions", *at, "--reassignment-json-file", str(plan), "--execute")
    await happened(cluster, lambda: cluster.controller.state_of(tp).replicas == (3, 2))
    done = await java.good("kafka-reassign-partitions", *at, "--reassignment-json-file", str(plan), "--verify")
    assert "Reassignment of partition shop-0 is completed." in done.text
    elected = await java.good(
        "kafka-leader-election", *at, "--election-type", "preferred", "--topic", "shop", "--partition", "0"
    )
    assert "shop-0" in elected.text
    assert cluster.controller.leader_of(tp) == 3


async def test_a_move_is_planned_listed_while_it_is_under_way_and_cancelled(
    cluster: Cluster, java: Java, at: tuple[str, str]
) -> None:
    await cluster.create_topic("shop", replication_factor=2)
    named = java.folder / "named.json"
    named.write_text(json.dumps({"version": 1, "topics": [{"topic": "shop"}]}))
    planned = await java.good(
        "kafka-reassign-partitions", *at, "--topics-to-move-json-file", str(named), "--broker-list", "2,3", "--generate"
    )
    assert '"replicas":[1,2]' in planned.text
    plan = java.folder / "move.json"
    plan.write_text(planned.lines[-1])
    cluster.faults.cut(3, 1)  # so that broker 3 cannot copy
    with_plan = (*at, "--reassignment-json-file", str(plan))
    await java.good("kafka-reassign-partitions", *with_plan, "--execute")
    listed = await java.good("kafka-reassign-partitions", *at, "--list")
    assert "adding: 3. removing: 1." in listed.text
    called_off = await java.good("kafka-reassign-partitions", *with_plan, "--cancel")
    assert "Successfully cancelled partition reassignment for: shop-0" in called_off.text
    assert set(cluster.controller.state_of(TopicPartition("shop", 0)).replicas) == {1, 2}
    throttled = await java.tool("kafka-reassign-partitions", *with_plan, "--execute", "--throttle", "1000000")
    assert throttled.code == 1
    assert "Cannot change leader.replication.throttled.rate" in throttled.text


async def test_log_dirs_tell_the_size_of_every_replica(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await cluster.create_topic("shop", replication_factor=2)
    async with cluster.producer(acks="all") as producer:
        await producer.send_and_wait("shop", bytes(1_000))
    told = await java.good("kafka-log-dirs", *at, "--describe", "--topic-list", "shop")
    brokers = json.loads(told.lines[-1])["brokers"]
    sizes = [part["size"] for broker in brokers for folder in broker["logDirs"] for part in folder["partitions"]]
    assert len(sizes) == 2
    assert all(size > 1_000 for size in sizes)
