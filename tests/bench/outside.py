"""One Kafka client in a process of its own, as a person's service is one: librdkafka, by confluent-kafka.

`python -m tests.bench.outside produce|consume|trip BOOTSTRAP TOPIC RECORDS SIZE [SETTING=VALUE ...]` prints seconds
(`trip`: the median and the 99th percentile of one record's way, in ms).
"""

from __future__ import annotations

import sys
from statistics import quantiles
from time import perf_counter

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

PATIENCE_S = 60.0


def produce(bootstrap: str, topic: str, records: int, size: int, settings: dict[str, str]) -> float:
    """Seconds from the first record handed over to the last acknowledged."""
    failures: list[str] = []
    producer = Producer({
        "bootstrap.servers": bootstrap, "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 256 << 10, "acks": "1", **settings,
        "error_cb": lambda error: failures.append(str(error)),
    })  # fmt: skip
    producer.list_topics(topic, timeout=PATIENCE_S)
    value = bytes(range(256)) * (size // 256 + 1)
    value = value[:size]
    began = perf_counter()
    for _ in range(records):
        while True:
            try:
                producer.produce(topic, value, partition=0)
                break
            except BufferError:
                producer.poll(0.005)
    left = producer.flush(PATIENCE_S)
    took = perf_counter() - began
    assert not left, f"{left} records were not acknowledged: {failures}"
    return took


def consume(bootstrap: str, topic: str, records: int, size: int, settings: dict[str, str]) -> float:
    """Seconds from being given the partition to the last record taken."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": "false", "check.crcs": "false",
        "queued.min.messages": 2_000_000, "queued.max.messages.kbytes": 1 << 20,  # else it pauses
        **settings,
    })  # fmt: skip
    consumer.list_topics(topic, timeout=PATIENCE_S)
    began = perf_counter()
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    got = 0
    while got < records:
        found = consumer.consume(min(10_000, records - got), PATIENCE_S)
        assert found, f"nothing came after {got} records"
        got += len(found)
    took = perf_counter() - began
    consumer.close()
    return took


def trip(bootstrap: str, topic: str, records: int, size: int, settings: dict[str, str]) -> tuple[float, float]:
    """Milliseconds of one record at a time from `produce` to acknowledged: median, 99th percentile."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "1", "linger.ms": 0, **settings})
    producer.list_topics(topic, timeout=PATIENCE_S)
    times = []
    for _ in range(records):
        began = perf_counter()
        producer.produce(topic, bytes(size), partition=0)
        assert not producer.flush(PATIENCE_S)
        times.append((perf_counter() - began) * 1_000)
    cuts = quantiles(times, n=100)
    return cuts[49], cuts[98]


if __name__ == "__main__":
    _, what, bootstrap, topic, records, size, *rest = sys.argv
    settings = dict(setting.split("=", 1) for setting in rest)
    how = {"produce": produce, "consume": consume, "trip": trip}[what]
    print(how(bootstrap, topic, int(records), int(size), settings))
