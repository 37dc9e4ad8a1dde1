"""Partitions as requests and answers have them: by topic, then by number."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.types import TopicPartition


def partitions_of(topics: Iterable[Any], *, topic: str = "name", number: str = "partition_index") -> Iterator[Any]:
    """Each partition of a request: its TopicPartition, and what is said of it; field names differ between kinds."""
    for each in topics:
        name = getattr(each, topic)
        for partition in each.partitions:
            yield TopicPartition(name, getattr(partition, number)), partition


def numbers_of(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    """The numbers of partitions, by topic."""
    numbers: dict[str, list[int]] = {}
    for topic, number in partitions:
        numbers.setdefault(topic, []).append(number)
    return numbers


def named(topic: str | bytes, names: Mapping[bytes, str]) -> str:
    """A topic by its name, also where it is given by its id; the id as Kafka writes ids where no topic has it."""
    return topic if isinstance(topic, str) else names.get(topic) or urlsafe_b64encode(topic).decode().rstrip("=")


def by_topic(
    answers: Iterable[tuple[TopicPartition, dict[str, Any]]],
    *,
    topic: str = "name",
    partitions: str = "partitions",
    number: str = "partition_index",
) -> list[dict[str, Any]]:
    """Answers of single partitions under their topics, each with its number."""
    found: dict[str, list[dict[str, Any]]] = {}
    for tp, answer in answers:
        found.setdefault(tp.topic, []).append({number: tp.partition, **answer})
    return [{topic: name, partitions: given} for name, given in found.items()]
