"""A consumer as a member of a group of the consumer protocol (KIP-848): one heartbeat does everything.

The member's side, after `ConsumerMembershipManager` and `ConsumerHeartbeatRequestManager`. What the coordinator assigns
is taken over step by step: what is no longer its own is committed, given up and told of first; then it takes what is
new, and says with a heartbeat at once what it has. Heartbeats go on meanwhile, and so does reading of all the rest.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from engine.clients.group_member import GroupMember, MemberParts
from engine.clients.polls import PollWatch
from engine.clock import Clock
from engine.errors import (
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    KafkaError,
    UnknownMemberIdError,
    UnreleasedInstanceIdError,
)
from engine.messages import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from engine.types import TopicPartition

LOST = (FencedMemberEpochError, UnknownMemberIdError)
"""What a coordinator says to a member whose partitions are others' by now."""
_FATAL = (FencedInstanceIdError, UnreleasedInstanceIdError)
_FIRST_INTERVAL_MS = 1_000.0
"""How long until the next heartbeat while the coordinator has not said how often it wants them."""

Partitions = tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class ConsumerMemberConfig:
    """What a member keeps to; times in ms. The session and the pace of heartbeats are the coordinator's to set."""

    client_id: str
    group_instance_id: str | None
    remote_assignor: str | None
    max_poll_interval_ms: int
    rebalance_timeout_ms: int
    retry_backoff_ms: float


@dataclass(slots=True)
class _Told:
    """What the coordinator was told last; it is told again only what has changed."""

    topics: tuple[str, ...] | None = None
    pattern: str | None = None
    partitions: Partitions | None = None


class ConsumerMembership(GroupMember):
    """One member of one group of the consumer protocol; nobody leads, for the coordinator assigns."""

    def __init__(self, config: ConsumerMemberConfig, parts: MemberParts) -> None:
        polls = PollWatch(parts.clock, config.max_poll_interval_ms, _FIRST_INTERVAL_MS)
        super().__init__(parts, polls, cooperative=True)
        self._config = config
        self._own_id = _new_id(config.client_id, parts.link.group_id, parts.clock)
        """Its name in its group, which is the same whenever it is a member."""
        self._told = _Told()
        self._target: Partitions | None = None
        self._taking_over: asyncio.Task[None] | None = None
        self._interval_ms = _FIRST_INTERVAL_MS
        self._now = asyncio.Event()
        self._wanted = False

    # What the consumer says

    def request_rejoin(self, reason: str) -> None:
        """Say what has changed with a heartbeat now; join if it is no member."""
        if not self._awaits_poll and self.fatal is None and self._subscription.subscribed:
            self._wanted = True
            self._settled.clear()
            self._now.set()

    def metadata_changed(self) -> None:
        """Topics may be others now, which the coordinator sees to by itself."""

    def _goodbye(self, reason: str) -> ConsumerGroupHeartbeatRequest | None:
        """A static member says that it will be back."""
        static = self._config.group_instance_id
        epoch = LEAVE_EPOCH if static is None else LEAVE_STATIC_EPOCH
        if self.generation <= 0:
            return None
        return ConsumerGroupHeartbeatRequest(self._link.group_id, self._own_id, epoch, static)

    def moved_on(self, error: KafkaError) -> None:
        """The group went on without this member: its partitions are lost, and it joins anew."""
        self._subscription.give_up(self._subscription.assigned)
        self._handover.lost |= set(self._subscription.assigned)
        self._forget()
        self.request_rejoin(str(error))

    # Heartbeats

    async def _be_a_member(self, resume: Mapping[str, Any] | None) -> None:
        if resume is not None:
            await self._take_up(resume)
        while True:
            if self._wanted and (self.heartbeating or self.generation < 0):
                await self._guarded()
            else:
                self._now.clear()
            await self._until_due()

    async def _until_due(self) -> None:
        """Until the next heartbeat is due, or wanted at once."""
        timer = self._clock.call_later(self._interval_ms, self._now.set)
        try:
            await self._now.wait()
        finally:
            timer.cancel()

    async def _guarded(self) -> None:
        """One heartbeat; an error that will not pass by itself is the application's, and its next poll tries again."""
        self._now.clear()
        try:
            await self._beat()
        except _FATAL as error:
            await self._end(error)
        except KafkaError as error:
            self._told = _Told()  # whatever the coordinator knows, it is told everything
            if isinstance(error, LOST) or (isinstance(error, GroupIdNotFoundError) and self.generation > 0):
                await self._lose_everything()
            elif error.retriable:
                await self._clock.sleep(self._config.retry_backoff_ms)
            else:
                self._on_error(error)
                await self._polls.next()
            self._now.set()

    async def _beat(self) -> None:
        if self.generation <= 0:
            await self._handover.lose(self._handover.lost | set(self._subscription.assigned))
            self._told, self._target = _Told(), None
        self._take(await self._link.call(self._request()))

    def _request(self) -> ConsumerGroupHeartbeatRequest:
        """What the coordinator is to know, without what it knows already."""
        config, told = self._config, self._told
        joins = self.generation <= 0
        by_pattern = self._subscription.pattern
        pattern = "" if by_pattern is None else by_pattern.pattern
        topics = () if pattern else tuple(sorted(self._subscription.topics))
        owned = tuple(sorted(self._subscription.assigned))
        everything = joins or told.topics is None
        request = ConsumerGroupHeartbeatRequest(
            self._link.group_id,
            self._own_id,
            JOIN_EPOCH if joins else self.generation,
            config.group_instance_id,
            None,
            config.rebalance_timeout_ms if everything else -1,
            topics if topics != told.topics else None,
            pattern if pattern != told.pattern and (pattern or not everything) else None,
            config.remote_assignor if everything else None,
            () if joins else owned if owned != told.partitions else None,
        )
        self._told = _Told(topics, pattern, owned)
        return request

    def _take(self, answer: ConsumerGroupHeartbeatResponse) -> None:
        """Take in what the coordinator says, and begin to follow it."""
        if self._awaits_poll:
            return  # it has left meanwhile
        self.member_id, self.generation = self._own_id, answer.member_epoch
        self._interval_ms = answer.heartbeat_interval_ms
        if answer.assignment is not None:
            self._target = answer.assignment
        if self._target is None or set(self._target) == set(self._subscription.assigned):
            if not self._now.is_set():
                self._settled.set()
        elif self._taking_over is None:
            self._settled.clear()
            self._taking_over = self._tasks.spawn(self._take_over(), "consumer-takes-over")

    async def _take_over(self) -> None:
        """Become what the coordinator wants, and say so; it may want something else meanwhile."""
        try:
            while self._target is not None and set(self._target) != set(self._subscription.assigned):
                target, epoch = self._target, self.generation
                await self._know_if_can_be(target)
                if self._target == target and self.generation == epoch:
                    await self._handover.take_over(target)
        finally:
            self._taking_over = None
        self._now.set()

    async def _know_if_can_be(self, partitions: Partitions) -> None:
        """Learn of their topics; where that cannot be, the records wait for the leaders to be known."""
        try:
            await self._know(frozenset(tp.topic for tp in partitions))
        except KafkaError:
            self._metadata.request_update()

    # The end of it, and new beginnings

    async def _take_up(self, resume: Mapping[str, Any]) -> None:
        """Be the member again that was; if its group knows it no more, the first heartbeat says so."""
        subscription = self._subscription
        if not resume["member_id"] or resume["generation"] <= 0 or frozenset(resume["topics"]) != subscription.topics:
            subscription.start_at.clear()
            self.request_rejoin("the membership that was kept no longer fits")
            return
        held = tuple(TopicPartition(*each) for each in resume["assignment"])
        self.member_id, self.generation = resume["member_id"], resume["generation"]
        self._own_id = self.member_id
        self._target = held
        await self._know_if_can_be(held)
        await self._handover.take_over(held)
        self.request_rejoin("the world goes on")

    async def _lose_everything(self) -> None:
        """The partitions are others' already; it joins again under its own id."""
        self._subscription.start_at.clear()
        self._cancel_taking_over()
        self._forget()
        self._settled.clear()
        await self._handover.lose(set(self._subscription.assigned))

    async def _end(self, error: KafkaError) -> None:
        if self._member is not asyncio.current_task():
            self._stop()
        await super()._end(error)

    def _stop(self) -> None:
        super()._stop()
        self._cancel_taking_over()

    def _want_nothing(self) -> None:
        self._wanted = False
        self._cancel_taking_over()

    def _cancel_taking_over(self) -> None:
        if self._taking_over is not None:
            self._taking_over.cancel()

    def _forget(self) -> None:
        self.member_id, self.generation = "", -1
        self._told, self._target = _Told(), None


_made: WeakKeyDictionary[Clock, int] = WeakKeyDictionary()


def _new_id(client_id: str, group_id: str, clock: Clock) -> str:
    """An id no member in the lab has had, and the same again in a lab that is run again."""
    _made[clock] = number = _made.get(clock, 0) + 1
    return f"{client_id}-{uuid.uuid5(uuid.NAMESPACE_OID, f'{group_id}/{client_id}/{clock.now_ms()}/{number}')}"
