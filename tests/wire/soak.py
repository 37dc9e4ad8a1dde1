"""Real clients while brokers crash, stop and start: `python -m tests.wire.soak [SEED [ROUNDS]]`, by hand.

An idempotent producer and two consumers of a group, all confluent-kafka, against three brokers of which one after the
other goes away and comes back. At the end every record has to be in the log once, and to have been consumed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from random import Random

from confluent_kafka import Consumer, Producer

from engine.cluster import Cluster
from engine.records import read_all
from engine.types import TopicPartition
from tests.wire.conftest import CONFIG

PARTITIONS = 6
COMMON = {"log_level": 0, "topic.metadata.refresh.interval.ms": 2_000, "reconnect.backoff.max.ms": 500}


class Soak:
    """What was sent and what came of it, told by threads of their own."""

    def __init__(self, bootstrap: str) -> None:
        self.over = threading.Event()
        self.sent = 0
        self.failed: Counter[str] = Counter()
        self.consumed: Counter[bytes] = Counter()
        self._bootstrap = bootstrap

    def produce(self) -> None:
        """Send numbers until it is over."""
        producer = Producer(
            {**COMMON, "bootstrap.servers": self._bootstrap, "enable.idempotence": True, "linger.ms": 2}
        )
        while not self.over.is_set():
            try:
                producer.produce("orders", b"%d" % self.sent, partition=self.sent % PARTITIONS, on_delivery=self._told)
                self.sent += 1
            except BufferError:
                pass  # it is asked for room below
            producer.poll(0.0005)
        producer.flush(120)

    def _told(self, error: object, _: object) -> None:
        if error is not None:
            self.failed[str(error)] += 1

    def consume(self) -> None:
        """Take what there is, until it is over and nothing comes any more."""
        consumer = Consumer(
            {
                **COMMON,
                "bootstrap.servers": self._bootstrap,
                "group.id": "soak",
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        consumer.subscribe(["orders"])
        silent = 0
        while not self.over.is_set() or silent < 30:
            message = consumer.poll(0.2)
            silent = silent + 1 if message is None else 0
            if message is not None and not message.error():
                self.consumed[message.value() or b""] += 1
        consumer.close()


async def run(seed: int, rounds: int) -> bool:
    """Whether nothing was lost, stored twice or left unread."""
    rng = Random(seed)
    async with Cluster.open(None, brokers=3, seed=seed, config=CONFIG) as lab:
        await lab.create_topic("orders", PARTITIONS, 3, {"min.insync.replicas": "2"})
        await lab.listen(port=0)
        listening = lab.snapshot().listening
        assert listening is not None
        soak = Soak(",".join(f"{each.host}:{each.port}" for each in listening.addresses))
        clients = [asyncio.to_thread(work) for work in (soak.produce, soak.consume, soak.consume)]
        running = asyncio.gather(*clients)
        for number in range(1, rounds + 1):
            await asyncio.sleep(rng.uniform(1, 3))
            broker_id, ending = rng.choice(lab.nodes.ids), rng.choice((lab.faults.crash, lab.faults.stop))
            print(f"round {number}: broker {broker_id}, {ending.__name__}", flush=True)
            await ending(broker_id)
            await asyncio.sleep(rng.uniform(0.5, 5))
            await lab.faults.start(broker_id)
            await asyncio.sleep(2)
        soak.over.set()
        await running
        logged: Counter[bytes] = Counter()
        for number in range(PARTITIONS):
            log = lab.nodes.leader(TopicPartition("orders", number)).log
            logged.update(record.value or b"" for record in read_all(await log.read(0, 1 << 40), *log.tp))
    twice = sum(logged.values()) - len(logged)
    lost = soak.sent - sum(soak.failed.values()) - len(logged)
    unread = len(logged.keys() - soak.consumed.keys())
    print(f"{soak.sent:,} sent, failed: {dict(soak.failed)}; {lost} lost, {twice} stored twice, {unread} unread")
    return not (lost or twice or unread)


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(0 if asyncio.run(run(*[*given, *(1, 5)[len(given) :]])) else 1)
