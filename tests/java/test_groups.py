"""Java's consumers in groups, beside the lab's own, and kafka-consumer-groups over both."""

from __future__ import annotations

import pytest

from engine.cluster import Cluster
from engine.types import TopicPartition
from engine.workload.spec import ConsumerSpec
from tests.java.groups import filled, owned, settled
from tests.java.tools import Java


@pytest.fixture
def at(java: Java) -> tuple[str, str]:
    return "--bootstrap-server", java.bootstrap


@pytest.mark.parametrize(
    ("assignor", "strategy"),
    [
        ("range", "org.apache.kafka.clients.consumer.RangeAssignor"),
        ("roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor"),
        ("sticky", "org.apache.kafka.clients.consumer.StickyAssignor"),
        ("cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"),
    ],
)
async def test_a_java_consumer_shares_a_group_with_one_of_the_lab(
    cluster: Cluster, java: Java, at: tuple[str, str], assignor: str, strategy: str
) -> None:
    await filled(cluster)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("shop",), assignor=assignor))
    await settled(cluster, 1)
    async with java.running(
        "kafka-verifiable-consumer", *at, "--topic", "shop", "--group-id", "billing", "--assignment-strategy", strategy
    ) as outside:
        given = await owned(outside)
        owns = await settled(cluster, 2)
        assert sorted(partition for mine in owns.values() for partition in mine) == list(range(6))
        assert {len(mine) for mine in owns.values()} == {3}
        assert given in owns.values()
    assert set((await settled(cluster, 1))["billing-1"]) == set(range(6))


async def test_groups_are_listed_described_reset_and_deleted(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await filled(cluster, partitions=2)
    of_audit = (*at, "--group", "audit")
    read = await java.good(
        "kafka-console-consumer", *at, "--topic", "shop", "--group", "audit", "--from-beginning",
        "--max-messages", "60", "--timeout-ms", "60000",
    )  # fmt: skip
    assert "Processed a total of 60 messages" in read.text
    assert "audit" in (await java.good("kafka-consumer-groups", *at, "--list")).lines

    described = await java.good("kafka-consumer-groups", *of_audit, "--describe")
    rows = [line.split()[:6] for line in described.lines if line.startswith("audit")]
    assert sorted(rows) == [["audit", "shop", "0", "30", "30", "0"], ["audit", "shop", "1", "30", "30", "0"]]
    state = await java.good("kafka-consumer-groups", *of_audit, "--describe", "--state")
    assert "Empty" in state.text

    reset = (*of_audit, "--topic", "shop", "--reset-offsets", "--execute")
    await java.good("kafka-consumer-groups", *reset, "--to-earliest")
    await java.good("kafka-consumer-groups", *reset, "--shift-by", "7")
    group = cluster.snapshot().group("audit")
    assert group is not None
    assert {TopicPartition(o.topic, o.partition): o.committed for o in group.offsets} == {
        TopicPartition("shop", 0): 7,
        TopicPartition("shop", 1): 7,
    }
    await java.good("kafka-consumer-groups", *of_audit, "--delete-offsets", "--topic", "shop:1")
    await java.good("kafka-consumer-groups", *of_audit, "--delete")
    assert cluster.snapshot().group("audit") is None


async def test_offsets_of_a_group_with_members_are_not_reset(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await filled(cluster)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("shop",)))
    await settled(cluster, 1)
    refused = await java.tool(
        "kafka-consumer-groups", *at, "--group", "billing", "--topic", "shop", "--reset-offsets", "--to-earliest",
        "--execute",
    )  # fmt: skip
    assert "Assignments can only be reset if the group 'billing' is inactive" in refused.text
    members = await java.good("kafka-consumer-groups", *at, "--group", "billing", "--describe", "--members")
    assert "billing-1" in members.text
