"""Java's consumers with the consumer protocol (KIP-848), beside the lab's own, and kafka-consumer-groups over both."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.workload.spec import ConsumerSpec
from tests.java.groups import filled, owned, settled
from tests.java.tools import Java


@pytest.fixture
def at(java: Java) -> tuple[str, str]:
    return "--bootstrap-server", java.bootstrap


@pytest.mark.parametrize("assignor", ["uniform", "range"])
async def test_a_java_consumer_shares_a_group_with_one_of_the_lab(
    cluster: Cluster, java: Java, at: tuple[str, str], assignor: str
) -> None:
    await filled(cluster)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("shop",), assignor=assignor, protocol="consumer"))
    await settled(cluster, 1)
    async with java.running(
        "kafka-verifiable-consumer", *at, "--topic", "shop", "--group-id", "billing", "--group-protocol", "consumer",
        "--group-remote-assignor", assignor,
    ) as outside:  # fmt: skip
        given = await owned(outside)
        owns = await settled(cluster, 2)
        assert sorted(partition for mine in owns.values() for partition in mine) == list(range(6))
        assert {len(mine) for mine in owns.values()} == {3}
        assert given in owns.values()
        described = await java.good(
            "kafka-consumer-groups", *at, "--group", "billing", "--describe", "--members", "--verbose"
        )
        rows = [line.split() for line in described.lines if line.startswith("billing")]
        assert len(rows) == 2
        state = await java.good("kafka-consumer-groups", *at, "--group", "billing", "--describe", "--state")
        assert f" {assignor} " in state.text
        assert "Stable" in state.text
        listed = await java.good("kafka-consumer-groups", *at, "--list", "--type", "consumer")
        assert ["billing", "Consumer"] in [line.split() for line in listed.lines]
    assert set((await settled(cluster, 1))["billing-1"]) == set(range(6))


async def test_the_console_consumer_reads_everything_and_leaves_an_empty_group(
    cluster: Cluster, java: Java, at: tuple[str, str]
) -> None:
    await filled(cluster)
    settings = java.properties("consumer", group_protocol="consumer", auto_offset_reset="earliest")
    read = await java.good(
        "kafka-console-consumer", *at, "--topic", "shop", "--group", "audit", "--consumer.config", settings,
        "--max-messages", "60", "--timeout-ms", "60000",
    )  # fmt: skip
    assert "Processed a total of 60 messages" in read.text
    group = cluster.snapshot().group("audit")
    assert group is not None
    assert (group.protocol.value, group.state.value, group.lag) == ("consumer", "Empty", 0)
    described = await java.good("kafka-consumer-groups", *at, "--group", "audit", "--describe")
    assert len([line for line in described.lines if line.startswith("audit")]) == 6


@pytest.mark.parametrize(("settled_in", "comes_with"), [("classic", "consumer"), ("consumer", "classic")])
async def test_javas_consumers_of_both_protocols_share_a_group_that_goes_over_while_they_work(
    cluster: Cluster, java: Java, at: tuple[str, str], settled_in: str, comes_with: str
) -> None:
    await filled(cluster)
    both = "kafka-verifiable-consumer", *at, "--topic", "shop", "--group-id", "billing", "--group-protocol"
    async with java.running(*both, settled_in) as one:
        assert await owned(one) == set(range(6))
        assert await protocol_of(cluster, 1) == settled_in
        async with java.running(*both, comes_with) as other:
            assert len(await owned(other)) == 3
            assert await protocol_of(cluster, 2) == "consumer"
            members = await java.good(
                "kafka-consumer-groups", *at, "--group", "billing", "--describe", "--members", "--verbose"
            )
            assert len([line for line in members.lines if line.startswith("billing")]) == 2
        assert await protocol_of(cluster, 1) == settled_in


async def protocol_of(cluster: Cluster, members: int) -> str:
    """The protocol of the group, once it is stable with so many members and each owns something."""
    await settled(cluster, members)
    group = cluster.snapshot().group("billing")
    assert group is not None
    return group.protocol.value


async def test_where_groups_may_not_go_over_a_newcomer_is_refused_in_javas_own_words(tmp_path: Path) -> None:
    async with Cluster.open(seed=7, config=BrokerConfig(group_consumer_migration_policy="disabled")) as cluster:
        await cluster.listen(port=0)
        listening = cluster.snapshot().listening
        assert listening is not None
        java = Java(f"{listening.addresses[0].host}:{listening.addresses[0].port}", tmp_path)
        await filled(cluster)
        await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("shop",)))
        await settled(cluster, 1)
        refused = await java.tool(
            "kafka-console-consumer", "--bootstrap-server", java.bootstrap, "--topic", "shop", "--group", "billing",
            "--consumer.config", java.properties("consumer", group_protocol="consumer"), "--timeout-ms", "20000",
        )  # fmt: skip
    assert "The members of billing use the classic protocol" in refused.text
