"""A consumer as a member of a group of the classic protocol: joins, syncs, sends heartbeats, rejoins, leaves.

The member's side, after `AbstractCoordinator` and `ConsumerCoordinator`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.clients.group_member import GroupMember, MemberParts
from engine.clients.heartbeats import Heartbeats
from engine.clients.polls import PollWatch
from engine.clients.rebalancing import (
    assignments,
    protocols,
    rebalances_cooperatively,
    subscriptions_of,
    topics_of,
)
from engine.errors import (
    FencedInstanceIdError,
    IllegalGenerationError,
    KafkaError,
    MemberIdRequiredError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.assignors import Assignor
from engine.groups.consumer_protocol import decode_assignment
from engine.messages import (
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeavingMember,
    SyncGroupRequest,
    SyncGroupResponse,
)
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class MemberConfig:
    """What a member keeps to; times in ms."""

    group_instance_id: str | None
    assignors: tuple[Assignor, ...]
    session_timeout_ms: int
    heartbeat_interval_ms: int
    max_poll_interval_ms: int
    rebalance_timeout_ms: int
    request_timeout_ms: float
    retry_backoff_ms: float


class Membership(GroupMember):
    """One member of one group of the classic protocol."""

    def __init__(self, config: MemberConfig, parts: MemberParts) -> None:
        polls = PollWatch(parts.clock, config.max_poll_interval_ms, config.heartbeat_interval_ms)
        super().__init__(parts, polls, cooperative=rebalances_cooperatively(config.assignors))
        self._config = config
        self._remembered: tuple[tuple[TopicPartition, ...], int] = ((), -1)
        self._joined_topics: frozenset[str] | None = None
        self._rejoin = asyncio.Event()
        self._reason = ""
        self._prepared = False
        self.joining = False
        """Whether JoinGroup's answer is awaited."""
        self._rejoining = False
        self._heartbeats = Heartbeats(
            self,
            parts.link,
            parts.clock,
            group_instance_id=config.group_instance_id,
            interval_ms=config.heartbeat_interval_ms,
            session_timeout_ms=config.session_timeout_ms,
            retry_backoff_ms=config.retry_backoff_ms,
            on_error=parts.on_error,
        )

    # What the consumer says

    def start(self, resume: Mapping[str, Any] | None) -> None:
        """Be a member from now on, the one `resume` tells of if there is one."""
        super().start(resume)
        self._tasks.spawn(self._heartbeats.beat(), "consumer-heartbeat")

    def request_rejoin(self, reason: str) -> None:
        """Join again as soon as may be."""
        if not self._awaits_poll and self.fatal is None and self._subscription.subscribed:
            self._reason = self._reason or reason
            self._settled.clear()
            self._rejoin.set()

    def metadata_changed(self) -> None:
        """Topics or their partitions may be others now: the leader notices growth, each member new matches."""
        subscription = self._subscription
        if not subscription.subscribed:
            return
        if self._joined_topics is not None and subscription.topics != self._joined_topics:
            self.request_rejoin("the subscription has changed")
        elif self.watching is not None:
            counts = self._counts(self.watching)
            if counts != self.watching:
                self.request_rejoin("the topics' partitions have changed")

    def _goodbye(self, reason: str) -> LeaveGroupRequest | None:
        """A static member goes in silence (KIP-345)."""
        if not self.member_id or self._config.group_instance_id is not None:
            return None
        return LeaveGroupRequest(self._link.group_id, (LeavingMember(self.member_id, None, reason),))

    # Joining

    async def _be_a_member(self, resume: Mapping[str, Any] | None) -> None:
        if resume is not None:
            await self._guarded(self._take_up(resume))
        while True:
            await self._rejoin.wait()
            await self._guarded(self._join_again())

    async def _guarded(self, work: Any) -> None:
        """Do it; an error that will not pass by itself is the application's, and its next poll tries again."""
        try:
            await work
        except FencedInstanceIdError as error:
            await self._end(error)
        except KafkaError as error:
            self._on_error(error)
            await self._polls.next()
            self._rejoin.set()

    async def _take_up(self, resume: Mapping[str, Any]) -> None:
        """Be the member again that was, if its group still stands where it stood."""
        subscription = self._subscription
        topics = frozenset(resume["topics"])
        held = tuple(TopicPartition(*each) for each in resume["assignment"])
        if not resume["member_id"] or resume["generation"] < 0 or topics != subscription.topics:
            subscription.start_at.clear()
            self.request_rejoin("the membership that was kept no longer fits")
            return
        self.member_id, self.generation = resume["member_id"], resume["generation"]
        self._remembered = (held, self.generation)
        request = SyncGroupRequest(self._link.group_id, self.generation, self.member_id, self._config.group_instance_id)
        try:
            await self._know(topics)
            answer = await self._link.retrying(request, self._join_timeout_ms)
        except (UnknownMemberIdError, IllegalGenerationError) as error:
            subscription.start_at.clear()
            self._forget(keep_id=isinstance(error, IllegalGenerationError))
            self.request_rejoin(f"it was no longer known: {error}")
        except RebalanceInProgressError:
            # It is a member still, and has to give up in good order what it held.
            subscription.replace(held)
            await self._handover.tell("on_partitions_assigned", set(held))
            self.request_rejoin("the group is rebalancing")
        else:
            self._joined_topics = topics
            self.watching = self._counts(topics) if resume["leader"] else None
            await self._complete(answer)

    async def _join_again(self) -> None:
        self._rejoining = True
        reason, self._reason = self._reason, ""
        try:
            if not self._prepared:
                self._prepared = True
                await self._handover.before_joining(self.generation >= 0)
            self._rejoin.clear()
            await self._know(self._subscription.topics)
            self.joining = True
            joined = await self._link.call(self._join_request(reason), self._join_timeout_ms)
            self.member_id, self.generation = joined.member_id, joined.generation_id
            self.joining = False
            answer = await self._sync(joined)
        except MemberIdRequiredError as error:
            self.member_id = error.member_id
            self._try_again(reason)
        except RebalanceInProgressError as error:
            self._try_again(str(error))
        except (UnknownMemberIdError, IllegalGenerationError) as error:
            refused = self.joining
            self._forget(keep_id=isinstance(error, IllegalGenerationError))
            self._try_again(f"it was no longer known: {error}")
            if refused:  # a coordinator that can store no group forgets each new member, and here no request takes time
                await self._clock.sleep(self._config.retry_backoff_ms)
        except KafkaError as error:
            if not error.retriable:
                raise
            self._try_again(str(error))
            await self._clock.sleep(self._config.retry_backoff_ms)
        else:
            self._prepared = False
            await self._complete(answer)
        finally:
            self.joining = self._rejoining = False

    def _try_again(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._rejoin.set()

    @property
    def _join_timeout_ms(self) -> float:
        """The coordinator answers when all have rejoined, or the rebalance timeout is over."""
        return max(self._config.request_timeout_ms, self._config.rebalance_timeout_ms + 5_000)

    def _join_request(self, reason: str) -> JoinGroupRequest:
        config, subscription = self._config, self._subscription
        self._joined_topics = subscription.topics
        self.watching = None
        remembered, remembered_generation = self._remembered
        return JoinGroupRequest(
            self._link.group_id,
            self.member_id,
            protocols(
                config.assignors,
                subscription.topics,
                subscription.assigned,
                remembered,
                self.generation,
                remembered_generation,
            ),
            config.session_timeout_ms,
            config.rebalance_timeout_ms,
            config.group_instance_id,
            reason=reason,
        )

    async def _sync(self, joined: JoinGroupResponse) -> SyncGroupResponse:
        shares: dict[str, bytes] = {}
        if joined.leader == joined.member_id:
            subscriptions = subscriptions_of(joined.members)
            topics = topics_of(subscriptions) | self._subscription.topics
            await self._know(topics)
            self.watching = self._counts(topics)
            if not joined.skip_assignment:
                assignor = next(each for each in self._config.assignors if each.name == joined.protocol_name)
                shares = assignments(assignor, self.watching, subscriptions)
        request = SyncGroupRequest(
            self._link.group_id, joined.generation_id, joined.member_id, self._config.group_instance_id, shares
        )
        return await self._link.call(request, self._join_timeout_ms)

    def _counts(self, topics: Iterable[str]) -> dict[str, int]:
        known = {topic: self._metadata.partitions(topic) for topic in topics}
        return {topic: len(partitions or ()) for topic, partitions in known.items()}

    async def _complete(self, answer: SyncGroupResponse) -> None:
        """Take over what the leader has given, and join once more if something was given up for it."""
        assigned = decode_assignment(answer.assignment).partitions
        self._remembered = (assigned, self.generation)
        revoked = await self._handover.take_over(assigned)
        if revoked:
            gone = ", ".join(map(str, sorted(revoked)))
            self.request_rejoin(f"gave back {gone}, which the others can have now")
        elif not self._rejoin.is_set():
            self._settled.set()

    def _want_nothing(self) -> None:
        self._rejoin.clear()

    def _forget(self, *, keep_id: bool = False) -> None:
        self.generation = -1
        self.watching = None
        self._prepared = False  # whatever is still held is lost now
        if not keep_id:
            self.member_id = ""

    # What is heard of the group

    def moved_on(self, error: KafkaError) -> None:
        """The group went on without this member: its partitions are lost, and it joins anew."""
        self._forget(keep_id=isinstance(error, IllegalGenerationError))
        self._subscription.give_up(self._subscription.assigned)
        self.request_rejoin(f"it was no longer known: {error}")

    async def _polled_too_late(self) -> None:
        if not self._rejoining:
            await super()._polled_too_late()
