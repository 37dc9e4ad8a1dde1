"""What is the matter with the copies of a partition, in a sign, in few words and in a sentence.

The words are those of Kafka's metrics OfflinePartitionsCount, UnderReplicatedPartitions and UnderMinIsrPartitionCount.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from engine.snapshot import PartitionView, TopicView
from engine.wording import plural


class Health(Enum):
    """How well the copies of a partition are, from bad to good; the words are those a title counts them by."""

    OFFLINE = "without leader"
    SILENT = "with a dead leader"
    UNDER_MIN_ISR = "under min ISR"
    UNDER_REPLICATED = "under-replicated"
    WELL = ""


SIGNS = {Health.OFFLINE: "✗", Health.SILENT: "✗", Health.UNDER_MIN_ISR: "‼", Health.UNDER_REPLICATED: "!"}


def least_in_sync(topic: TopicView) -> int:
    """`min.insync.replicas` of a topic."""
    return next((int(value) for name, value in topic.config if name == "min.insync.replicas"), 1)


def health_of(log: PartitionView, least: int) -> Health:
    """How well the copies are, `least` of which must be in sync for acks=all."""
    if log.leader is None:
        return Health.OFFLINE
    if any(copy.broker_id == log.leader and not copy.alive for copy in log.copies):
        return Health.SILENT
    if len(log.isr) < min(least, len(log.replicas)):
        return Health.UNDER_MIN_ISR
    return Health.UNDER_REPLICATED if len(log.isr) < len(log.replicas) else Health.WELL


class Trouble(NamedTuple):
    """How many partitions of a topic are not well, by the worst."""

    health: Health
    partitions: int

    def __str__(self) -> str:
        return f"{self.partitions} {self.health.value}"


def worst_of(logs: Iterable[PartitionView], least: int) -> Trouble | None:
    """What is worst about a topic's partitions, and how many suffer from it; None while all are well."""
    found = [health for log in logs if (health := health_of(log, least)) is not Health.WELL]
    if not found:
        return None
    worst = next(health for health in Health if health in found)
    return Trouble(worst, found.count(worst))


def words_of(log: PartitionView, health: Health) -> str:
    """The matter in few words."""
    match health:
        case Health.OFFLINE:
            return "no leader"
        case Health.SILENT:
            return f"b{log.leader} is down"
        case Health.WELL:
            return ""
    return f"{len(log.isr)}/{len(log.replicas)} in sync"


def sentence_of(log: PartitionView, health: Health, least: int) -> str:
    """The matter and what follows from it."""
    match health:
        case Health.OFFLINE:
            isr = _brokers(log.isr)
            return f"No leader: nobody can write or read until {isr} is back, for only a copy in sync may lead."
        case Health.SILENT:
            return (
                f"Its leader, {_brokers((log.leader or 0,))}, is down; the controller finds out when its session ends."
            )
        case Health.UNDER_MIN_ISR:
            few = f"{len(log.isr)} of {plural(len(log.replicas), 'copy', 'copies')} in sync, fewer than"
            return f"{few} min.insync.replicas ({least}): acks=all is refused, and the high watermark stands still."
        case Health.UNDER_REPLICATED:
            behind = tuple(each for each in log.replicas if each not in log.isr)
            return f"Under-replicated: {_brokers(behind)} {'is' if len(behind) == 1 else 'are'} not in sync."
    return "Every copy is in sync."


def _brokers(ids: Iterable[int]) -> str:
    names = [f"broker {each}" for each in ids]
    return " or ".join(names) if names else "a copy in sync"
