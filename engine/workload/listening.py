"""From a client to who drives it: what a group gives to a consumer, and takes from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from engine.types import TopicPartition


class Owner(Protocol):
    """Who is told."""

    async def give_up(self, revoked: Iterable[TopicPartition], commit: bool) -> None:
        """Partitions go to others; `commit` unless they are lost already."""

    def take_over(self, assigned: Iterable[TopicPartition]) -> None:
        """Partitions are its own from now on."""


class Listener:
    """Tells a driven consumer what its client learns of its partitions (`ConsumerRebalanceListener`)."""

    def __init__(self, driven: Owner) -> None:
        self._driven = driven

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """They go to others, after this returns."""
        await self._driven.give_up(revoked, commit=True)

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """They went to others already."""
        await self._driven.give_up(lost, commit=False)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """They are the consumer's own now."""
        self._driven.take_over(assigned)
