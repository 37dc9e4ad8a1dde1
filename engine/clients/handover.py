"""Partitions given up and taken over at a rebalance, with what the application is told of it.

`ConsumerCoordinator.onJoinPrepare` and `onJoinComplete`: an eager member gives up everything before it joins, a
cooperative one keeps what it has and gives up only what the new assignment takes from it (KIP-429).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from engine.clients.commits import Commits
from engine.clients.subscription import Subscription
from engine.types import TopicPartition


class Handover:
    """Hands the partitions of one member on. `on_error(error)` gets what its listener raises."""

    def __init__(
        self,
        subscription: Subscription,
        commits: Commits,
        cooperative: bool,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._subscription = subscription
        self._commits = commits
        self._cooperative = cooperative
        self._on_error = on_error
        self.lost: set[TopicPartition] = set()
        """What was taken from this member without the listener having been told yet."""

    def take_away(self) -> None:
        """Everything is others' now; the listener is told before the member joins again."""
        self.lost |= set(self._subscription.assigned)
        self._subscription.remove(self.lost)

    async def before_joining(self, known: bool) -> None:
        """Give up what has to be; all of it is lost if the group does not know this member any more."""
        owned = set(self._subscription.assigned)
        if self.lost or not known:
            await self.lose(self.lost | owned)
            return
        await self._commits.auto_commit(self._commits.processed())
        if not self._cooperative:
            await self._revoke(owned)
        elif unwanted := {tp for tp in owned if tp.topic not in self._subscription.topics}:
            await self._revoke(unwanted)

    async def take_over(self, assigned: tuple[TopicPartition, ...]) -> set[TopicPartition]:
        """Have what the group's leader has given; returns what a cooperative member gave up for it."""
        subscription = self._subscription
        owned = set(subscription.assigned)
        revoked = owned.difference(assigned) if self._cooperative else set()
        if revoked:
            subscription.give_up(revoked)
            await self._commits.auto_commit(self._commits.processed(revoked))
            await self._revoke(revoked)
        subscription.replace(assigned, keep=self._cooperative)
        self._commits.restart()
        await self.tell("on_partitions_assigned", set(assigned) - owned if self._cooperative else set(assigned))
        return revoked

    async def lose(self, partitions: set[TopicPartition]) -> None:
        """These are others' already."""
        self.lost = set()
        if partitions:
            self._subscription.remove(partitions)
            await self.tell("on_partitions_lost", partitions)

    async def _revoke(self, partitions: set[TopicPartition]) -> None:
        self._subscription.give_up(partitions)
        await self.tell("on_partitions_revoked", partitions)
        self._subscription.remove(partitions)

    async def tell(self, what: str, partitions: set[TopicPartition], listener: Any = None) -> None:
        """Tell the listener; what it raises reaches the application with its next poll, and joining goes on."""
        listener = listener or self._subscription.listener
        if listener is None:
            return
        call = getattr(listener, what, None) or listener.on_partitions_revoked
        try:
            result = call(set(partitions))
            if inspect.isawaitable(result):
                await result
        except Exception as error:  # whatever an application's own code may raise
            self._on_error(error)
