"""kaskade, a Kafka browser in a terminal, as a person uses it: both its programs, against `kafkarium broker`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.tour.terminal import Terminal, command, environment, opened

pytestmark = pytest.mark.skipif(
    not Path(command("kaskade")).exists(),
    reason="kaskade is not installed; it takes Python below 3.15",
)

SIZE = 140, 40


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    """Where a broker without a screen is reached."""
    arguments = ("broker", "--temporary", "--brokers", "3", "--listen", "127.0.0.1:0")
    with subprocess.Popen(
        [sys.executable, "-m", "tui.cli", *arguments], stdout=subprocess.PIPE, text=True, env=environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        told = next(line for line in process.stdout if "can connect" in line)
        yield told.split(" at ")[1].split(",")[0].strip()
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def stocked(bootstrap: str) -> str:
    """The broker with a topic of three partitions, 60 records in turn, a third of which a group has read."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic("orders", 3, 3)]).values():
        made.result(30)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(60):
        producer.produce("orders", f"value {number}", f"customer-{number}", number % 3, headers={"from": "shop"})
    assert producer.flush(30) == 0
    reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "billing", "enable.auto.commit": False})
    reader.commit(
        offsets=[TopicPartition("orders", number, 20 * (number == 0)) for number in range(3)], asynchronous=False
    )
    reader.close()
    return bootstrap


def topics(bootstrap: str) -> dict[str, int]:
    """The topics as another client is told of them, with their partitions."""
    told = AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=30).topics
    return {name: len(topic.partitions) for name, topic in told.items() if not name.startswith("__")}


def row(on: Terminal, *cells: str) -> None:
    """Wait for a row with these cells, one behind the other."""
    wanted = re.compile(r"\s+".join(map(re.escape, cells)))
    on.until(lambda: any(wanted.search(line) for line in on.lines), f"the row {cells}")


def typed(on: Terminal, words: str, behind: str = "") -> None:
    """Type into a field, behind what is in it already, and wait until it stands there."""
    on.type(words)
    alone = re.compile(rf"│ {re.escape(behind + words)} *│")
    on.until(lambda: any(alone.search(line) for line in on.lines), f"{words!r} in its field")


def only(on: Terminal, topic: str) -> None:
    """Filter the topics, so that the cursor stands on the one."""
    on.press("/")
    on.shows("Filter Topics")
    typed(on, topic)
    on.press("enter")
    on.until(lambda: not on.says("Filter Topics") and not on.says("__consumer_offsets"), "the topics filtered")


def test_the_administrator_lists_and_describes_topics_groups_and_settings(stocked: str, tmp_path: Path) -> None:
    with opened(["admin", "-b", stocked], tmp_path, SIZE, program="kaskade") as on:
        row(on, "orders", "3", "3", "3", "1", "0", "≈60", "≈40")
        only(on, "orders")
        on.press("d")
        on.shows("Topic Details", "Partitions [3]", "Groups [1]")
        for number in range(3):
            row(on, str(number), str(number + 1), "0", "20", "20")
        on.press("l")
        row(on, "cleanup.policy", "delete")
        on.press("l")
        on.until(lambda: re.search(r"billing .* empty .* 3 +0 +40 ", on.text), "the group")
        on.press("l")
        row(on, "billing", "0", "20", "20", "0")
        row(on, "billing", "1", "0", "20", "20")
        on.press("escape")
        on.until(lambda: not on.says("Topic Details"), "the list again")
        on.press("ctrl+c")
        assert on.ended() == 0


def test_the_administrator_makes_a_topic_and_deletes_it(stocked: str, tmp_path: Path) -> None:
    with opened(["admin", "-b", stocked], tmp_path, SIZE, program="kaskade") as on:
        row(on, "orders", "3")
        on.press("n")
        on.shows("Create Topic", "Retention (ms)")
        typed(on, "invoices")
        on.press("ctrl+s")
        row(on, "invoices", "1", "1", "1")
        assert topics(stocked) == {"orders": 3, "invoices": 1}

        only(on, "invoices")
        on.press("ctrl+d")
        on.shows("Delete Topic [invoices]")
        typed(on, "invoice")
        on.press("enter")
        on.shows("Type the topic name exactly to confirm deletion")
        typed(on, "s", behind="invoice")
        on.press("enter")
        on.shows("Topics [*invoices*][0]")
        assert topics(stocked) == {"orders": 3}


def test_the_consumer_reads_records_page_by_page_and_shows_one_in_full(stocked: str, tmp_path: Path) -> None:
    reading = ["consumer", "-b", stocked, "-t", "orders", "--earliest", "-k", "string", "-v", "string"]
    with opened(reading, tmp_path, SIZE, program="kaskade") as on:
        on.shows("Records [orders][25]")
        on.press("n")
        on.shows("Records [orders][50]")
        on.press("n")
        on.shows("Records [orders][60]")
        on.press("home", "enter")
        on.shows("Record Details", "Headers [1]", '"customer-')
        on.press("escape")
        on.until(lambda: not on.says("Record Details"), "the records again")
        on.press("ctrl+c")
        assert on.ended() == 0


def test_the_consumer_reads_one_partition_from_an_offset(stocked: str, tmp_path: Path) -> None:
    reading = ["consumer", "-b", stocked, "-t", "orders", "--partition", "1:17", "-k", "string", "-v", "string"]
    with opened(reading, tmp_path, SIZE, program="kaskade") as on:
        on.shows("Records [orders][3]")
        for offset in (17, 18, 19):
            row(on, f"customer-{3 * offset + 1}", f"value {3 * offset + 1}")
