"""What a member of a group is whichever protocol it speaks: what its consumer says to it, and how a membership ends.

The common ground of `AbstractCoordinator` and `AbstractMembershipManager`. As in aiokafka a member goes on in the
background; partitions that are being given up are handed out no more from that moment.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.clients.commits import Commits, Offsets
from engine.clients.coordination import CoordinatorLink
from engine.clients.handover import Handover
from engine.clients.metadata import ClientMetadata
from engine.clients.polls import PollWatch
from engine.clients.subscription import Subscription
from engine.clients.tasks import Tasks
from engine.clock import Clock
from engine.errors import FencedInstanceIdError, KafkaError
from engine.messages import Request
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class MemberParts:
    """The parts of its consumer that a member works with; `on_error` gets what the next poll has to raise."""

    link: CoordinatorLink
    subscription: Subscription
    metadata: ClientMetadata
    commits: Commits
    clock: Clock
    tasks: Tasks
    on_error: Callable[[BaseException], None]


class GroupMember(ABC):
    """One member of one group. `polls` knows of its polls; a `cooperative` one keeps what it owns while it rejoins."""

    watching: Mapping[str, int] | None = None
    """As the group's leader: the partitions of its topics, as they were when it shared them out."""

    def __init__(self, parts: MemberParts, polls: PollWatch, *, cooperative: bool) -> None:
        self._link = parts.link
        self._subscription = parts.subscription
        self._metadata = parts.metadata
        self._commits = parts.commits
        self._clock = parts.clock
        self._tasks = parts.tasks
        self._on_error = parts.on_error
        self._polls = polls
        self.member_id = ""
        """Its name in its group; empty while it has none."""
        self.generation = -1
        """The generation or epoch it has reached; -1 while it is no member."""
        self.heartbeating = True
        """Whether heartbeats are sent while there are reasons to."""
        self.fatal: KafkaError | None = None
        """What has ended this membership for good."""
        self._handover = Handover(self._subscription, self._commits, cooperative, self._on_error)
        self._settled = asyncio.Event()
        self._awaits_poll = False
        self._member: asyncio.Task[None] | None = None

    # What the consumer says

    def start(self, resume: Mapping[str, Any] | None) -> None:
        """Be a member from now on, the one `resume` tells of if there is one."""
        self._member = self._tasks.spawn(self._be_a_member(resume), "consumer-group")
        self._tasks.spawn(self._polls.watch(self._polled_too_late), "consumer-poll-interval")

    def poll_began(self) -> None:
        """The application asks for records."""
        self._polls.began()
        if self._awaits_poll:
            self._awaits_poll = False
            self.request_rejoin("the application polls again after max.poll.interval.ms")

    def poll_ended(self) -> None:
        """The application has its records, and `max_poll_interval_ms` to come again."""
        self._polls.ended()

    @abstractmethod
    def request_rejoin(self, reason: str) -> None:
        """Something has changed that the group has to know of."""

    @abstractmethod
    def metadata_changed(self) -> None:
        """Topics or their partitions may be others now."""

    @property
    def is_settled(self) -> bool:
        """Whether `settled` would return at once."""
        return self._settled.is_set()

    async def settled(self) -> None:
        """Return when this member has its share and no rebalance it knows of is under way."""
        await self._settled.wait()

    async def leave(self, reason: str, offsets: Offsets, owned: set[TopicPartition], listener: Any) -> None:
        """Commit `offsets`, give `owned` up and say goodbye."""
        self._stop()
        handover = self._handover
        if self.generation > 0 and not handover.lost:
            await self._commits.auto_commit(offsets)
            if owned:
                await handover.tell("on_partitions_revoked", owned, listener)
        elif handover.lost or owned:
            await handover.tell("on_partitions_lost", handover.lost | owned, listener)
            handover.lost = set()
        goodbye = self._goodbye(reason) if self._link.broker_id is not None else None
        self._forget()
        await self._say(goodbye)

    async def unsubscribe(self, offsets: Offsets, owned: set[TopicPartition], listener: Any) -> None:
        """Leave, but be ready to join again when there is something to subscribe to."""
        await self.leave("the consumer unsubscribed from all topics", offsets, owned, listener)
        if not self._subscription.subscribed:
            self._want_nothing()
        self._member = self._tasks.spawn(self._be_a_member(None), "consumer-group")

    # What is heard of the group

    def fenced(self, error: FencedInstanceIdError) -> None:
        """Another consumer holds this one's `group_instance_id`."""
        self._tasks.spawn(self._end(error), "consumer-fenced")

    @abstractmethod
    def moved_on(self, error: KafkaError) -> None:
        """The group went on without this member: its partitions are lost, and it joins anew."""

    async def _end(self, error: KafkaError) -> None:
        """Another consumer has this one's place; it can never come back."""
        self.fatal = error
        self._want_nothing()
        self._forget()
        await self._handover.lose(set(self._subscription.assigned))
        self._on_error(error)

    async def _polled_too_late(self) -> None:
        """The application does not come back for records: leave, and join again when it does."""
        if self.generation <= 0:
            return
        goodbye = self._goodbye("consumer poll timeout has expired.")
        self._awaits_poll = True
        self._want_nothing()
        self._settled.clear()
        self._handover.take_away()
        self._forget()
        await self._say(goodbye)

    # What each protocol does in its own way

    @abstractmethod
    async def _be_a_member(self, resume: Mapping[str, Any] | None) -> None:
        """Join, and do what the group asks for, until cancelled."""

    @abstractmethod
    def _goodbye(self, reason: str) -> Request[Any] | None:
        """What tells the coordinator that this member goes; None where it goes in silence."""

    @abstractmethod
    def _want_nothing(self) -> None:
        """What is under way towards joining is off."""

    @abstractmethod
    def _forget(self) -> None:
        """It is no member any more."""

    def _stop(self) -> None:
        if self._member is not None:
            self._member.cancel()

    async def _say(self, goodbye: Request[Any] | None) -> None:
        if goodbye is not None:
            try:
                await self._link.call(goodbye)
            except KafkaError:
                return  # tried once, as Kafka does: the session timeout does the rest

    async def _know(self, topics: frozenset[str]) -> None:
        """Learn what there is of these topics, and go on learning; raises KafkaError."""
        if not self._metadata.everything:
            self._metadata.want(topics | self._subscription.topics)
        if any(self._metadata.partitions(topic) is None for topic in topics):
            await self._metadata.refresh()
