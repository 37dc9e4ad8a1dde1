"""The console producer and consumer, the performance tools, and transactions, all of them Java's own client."""

from __future__ import annotations

import pytest

from engine.cluster import Cluster
from engine.types import TopicPartition
from tests.java.tools import Java, lines_until


@pytest.fixture
def at(java: Java) -> tuple[str, str]:
    return "--bootstrap-server", java.bootstrap


async def _read(java: Java, topic: str, count: int, *more: str) -> list[str]:
    ended = await java.good(
        "kafka-console-consumer", "--bootstrap-server", java.bootstrap, "--topic", topic, "--from-beginning",
        "--max-messages", str(count), "--timeout-ms", "60000", *more,
    )  # fmt: skip
    return [line for line in ended.lines if not line.startswith("Processed a total of")]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
async def test_records_written_with_every_compression_come_back(
    cluster: Cluster, java: Java, at: tuple[str, str], codec: str
) -> None:
    await cluster.create_topic("shop", partitions=2)
    typed = "".join(f"customer-{number % 3}:value {number}\n" for number in range(20))
    keyed = ("--property", "parse.key=true", "--property", "key.separator=:")
    await java.good("kafka-console-producer", *at, "--topic", "shop", "--compression-codec", codec, *keyed, typed=typed)
    seen = await _read(java, "shop", 20, "--property", "print.key=true", "--property", "key.separator=:")
    assert sorted(seen) == sorted(typed.splitlines())
    for customer in ("customer-0", "customer-1", "customer-2"):  # a key keeps its order
        assert [line for line in seen if line.startswith(customer)] == [
            line for line in typed.splitlines() if line.startswith(customer)
        ]


@pytest.mark.parametrize("acks", ["0", "1", "all"])
async def test_the_producer_is_content_with_every_acks(
    cluster: Cluster, java: Java, at: tuple[str, str], acks: str
) -> None:
    await cluster.create_topic("shop", replication_factor=3)
    typed = "".join(f"value {number}\n" for number in range(20))
    await java.good("kafka-console-producer", *at, "--topic", "shop", "--request-required-acks", acks, typed=typed)
    assert await _read(java, "shop", 20) == typed.splitlines()


async def test_the_performance_tools_write_and_read(cluster: Cluster, java: Java, at: tuple[str, str]) -> None:
    await cluster.create_topic("load", partitions=3)
    wrote = await java.good(
        "kafka-producer-perf-test", "--topic", "load", "--num-records", "20000", "--record-size", "100",
        "--throughput", "-1", "--producer-props", f"bootstrap.servers={java.bootstrap}",
    )  # fmt: skip
    assert wrote.lines[-1].startswith("20000 records sent")
    read = await java.good("kafka-consumer-perf-test", *at, "--topic", "load", "--messages", "20000", "--hide-header")
    assert int(read.lines[-1].split(",")[4]) == 20_000


async def test_a_leader_that_dies_under_the_java_producer_loses_nothing(
    cluster: Cluster, java: Java, at: tuple[str, str]
) -> None:
    await cluster.create_topic("load", replication_factor=3, config={"min.insync.replicas": "2"})
    cluster.clock.set_speed(4)  # a dead broker's session runs down sooner
    async with java.running(
        "kafka-producer-perf-test", "--topic", "load", "--num-records", "6000", "--record-size", "100",
        "--throughput", "400",
        "--producer-props", f"bootstrap.servers={java.bootstrap}", "acks=all",
    ) as producer:  # fmt: skip
        await lines_until(producer, "records sent")
        leader = cluster.controller.leader_of(TopicPartition("load", 0))
        assert leader is not None
        await cluster.faults.crash(leader)
        await lines_until(producer, "6000 records sent")
    end = cluster.describe_topic("load").partitions[0]
    assert end.high_watermark == 6_000  # each record once: the client's retries were told from new ones


async def test_a_transactional_producer_shows_its_records_once_they_are_committed(
    cluster: Cluster, java: Java, at: tuple[str, str]
) -> None:
    await cluster.create_topic("load")
    await java.good(
        "kafka-producer-perf-test", "--topic", "load", "--num-records", "1000", "--record-size", "10",
        "--throughput", "-1", "--transactional-id", "loader", "--transaction-duration-ms", "100",
        "--producer-props", f"bootstrap.servers={java.bootstrap}",
    )  # fmt: skip
    assert len(await _read(java, "load", 1_000, "--isolation-level", "read_committed")) == 1_000
    listed = await java.good("kafka-transactions", *at, "list")
    assert "loader" in listed.text
    assert "CompleteCommit" in listed.text
    for pattern, found in (("load.*", True), ("load", False)):
        by_pattern = await java.good("kafka-transactions", *at, "list", "--transactional-id-pattern", pattern)
        assert ("loader" in by_pattern.text) is found
    described = await java.good("kafka-transactions", *at, "describe", "--transactional-id", "loader")
    assert "CompleteCommit" in described.text


async def test_what_java_copies_in_transactions_some_aborted_is_there_exactly_once(
    cluster: Cluster, java: Java
) -> None:
    await cluster.create_topic("from")
    await cluster.create_topic("to")
    async with cluster.producer() as producer:
        for number in range(300):
            await producer.send("from", b"%d" % number)
    await java.good(
        "transactional-message-copier", "--broker-list", java.bootstrap, "--input-topic", "from",
        "--input-partition", "0", "--output-topic", "to", "--consumer-group", "copy", "--transactional-id", "copier",
        "--transaction-size", "20", "--enable-random-aborts", "--max-messages", "300",
    )  # fmt: skip
    seen = await _read(java, "to", 300, "--isolation-level", "read_committed")
    assert [int(value) for value in seen] == list(range(300))
