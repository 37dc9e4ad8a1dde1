"""Offset plans for sample worlds, made by the engine's own service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.cluster.offsets import OffsetPlan, Offsets, Target
from engine.snapshot import World
from engine.types import TopicPartition


class Still:
    """A cluster that holds still: what the offsets service needs of one."""

    def __init__(self, world: World, owned: bool) -> None:
        self._world = world
        self._owned = owned

    def snapshot(self) -> World:
        """The world."""
        return self._world

    async def offset_at(self, tp: TopicPartition, timestamp: int) -> int:
        """Halfway, whenever that is."""
        log = self._world.partition(tp)
        assert log is not None
        return (log.log_start_offset + log.high_watermark) // 2

    async def ask_coordinator(self, group_id: str, request: object) -> Any:
        """Nobody is asked."""
        raise AssertionError

    async def seek_members(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Nobody seeks."""
        raise AssertionError

    def owned_in_lab(self, group_id: str, tp: TopicPartition) -> bool:
        """As it was said."""
        return self._owned


def planner(world: World, owned: bool = True) -> Callable[..., OffsetPlan]:
    """What a fake answers to `offsets.plan`; with `owned` the members live in the lab."""
    service = Offsets(Still(world, owned), lambda event: None)

    def plan(group_id: str, target: Target, partitions: tuple[TopicPartition, ...] | None = None) -> OffsetPlan:
        planning = service.plan(group_id, target, partitions)
        try:
            planning.send(None)
        except StopIteration as done:
            planned: OffsetPlan = done.value
            return planned
        raise AssertionError("planning a still world never waits")

    return plan
