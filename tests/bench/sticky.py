"""The sticky assignor against aiokafka's, 1,000 members and 10,000 partitions: a fresh group, and after one left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import TypeVar

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from engine.groups.assignors import ASSIGNORS
from tests.bench.row import Row
from tests.engine.groups.assignor_world import ClusterStub, Members, aiokafka_metadata, member, rejoining

MEMBERS, PARTITIONS = 1_000, 10_000
T = TypeVar("T")


def rows(member_count: int = MEMBERS, partition_count: int = PARTITIONS) -> list[Row]:
    """Times in ms: ours the best of three, aiokafka's taken once, for it takes much longer."""
    topics = {"orders": partition_count}
    wants = {f"consumer-{number:05}": ["orders"] for number in range(member_count)}
    fresh: Members = {name: member(wanted) for name, wanted in wants.items()}
    before = ASSIGNORS["sticky"].assign(topics, fresh)
    wants.pop(min(wants))
    size = f"{member_count:,} members, {partition_count:,} partitions"
    return [
        _row(f"sticky, fresh group: {size}", topics, fresh),
        _row(f"sticky, one member left: {size}", topics, rejoining(wants, before, 1)),
    ]


def _row(name: str, topics: dict[str, int], members: Members) -> Row:
    assignor, cluster, metadata = ASSIGNORS["sticky"], ClusterStub(topics), aiokafka_metadata(members)
    ours = min(_timed_ms(lambda: assignor.assign(topics, members)) for _ in range(3))
    logging.disable(logging.CRITICAL)
    try:
        theirs = _timed_ms(lambda: StickyPartitionAssignor.assign(cluster, metadata))
    finally:
        logging.disable(logging.NOTSET)
    return Row(name, ours, theirs, "ms", "aiokafka's sticky assignor", floor=1.0, higher_is_better=False)


def _timed_ms(call: Callable[[], T]) -> float:
    started = perf_counter()
    call()
    return (perf_counter() - started) * 1000
