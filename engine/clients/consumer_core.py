"""What a consumer is made of: its parts wired together, who it is in its group, and what its parts tell it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from engine.clients.commits import Commits, Standing
from engine.clients.connection import Connection
from engine.clients.consumer_membership import ConsumerMemberConfig, ConsumerMembership
from engine.clients.consumer_settings import ISOLATION, RESETS, check_consumer, deserializing
from engine.clients.coordination import MOVED_ON, CoordinatorLink
from engine.clients.fetcher import FetchConfig, Fetcher
from engine.clients.group_member import GroupMember, MemberParts
from engine.clients.membership import MemberConfig, Membership
from engine.clients.metadata import ClientMetadata
from engine.clients.offsets import OffsetLookup
from engine.clients.partition_state import PartitionState
from engine.clients.rebalancing import assignors_of
from engine.clients.settings import at_least, one_of
from engine.clients.subscription import Subscription
from engine.clients.tasks import Tasks
from engine.clients.validation import OnTruncation, Validation
from engine.clock import Clock
from engine.errors import (
    ClientClosedError,
    FencedInstanceIdError,
    IllegalStateError,
    InvalidGroupIdError,
    KafkaError,
    KafkaTimeoutError,
    LogTruncationError,
)
from engine.network import Network
from engine.types import ClientInfo, ConsumerGroupMetadata, TopicPartition

_NO_LIMIT = 2**31

_numbers = itertools.count(1)


class ConsumerCore:
    """The parts of a consumer. Times are ms, sizes bytes.

    `resume` is what `membership()` answered earlier: the consumer goes on as that member, from those positions, if its
    group still stands where it stood. With `group_protocol="consumer"` (KIP-848) the coordinator assigns, and sets the
    session and the pace of heartbeats; `group_remote_assignor` names its assignor. `on_truncation` is told when a log
    was cut back, and a position with it. Raises InvalidConfigError, InvalidGroupIdError.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        *topics: str,
        group_id: str | None = None,
        client_id: str | None = None,
        key_deserializer: Callable[[bytes | None], Any] | None = None,
        value_deserializer: Callable[[bytes | None], Any] | None = None,
        fetch_max_wait_ms: int = 500,
        fetch_max_bytes: int = 52_428_800,
        fetch_min_bytes: int = 1,
        max_partition_fetch_bytes: int = 1_048_576,
        request_timeout_ms: float = 30_000,
        retry_backoff_ms: float = 100,
        auto_offset_reset: str = "latest",
        enable_auto_commit: bool = True,
        auto_commit_interval_ms: float = 5_000,
        partition_assignment_strategy: Any = ("range", "cooperative-sticky"),
        max_poll_interval_ms: int = 300_000,
        rebalance_timeout_ms: int | None = None,
        session_timeout_ms: int = 45_000,
        heartbeat_interval_ms: int = 3_000,
        max_poll_records: int | None = 500,
        isolation_level: str = "read_uncommitted",
        group_instance_id: str | None = None,
        group_protocol: str = "classic",
        group_remote_assignor: str | None = None,
        metadata_max_age_ms: float = 300_000,
        exclude_internal_topics: bool = True,
        resume: Mapping[str, Any] | None = None,
        on_truncation: OnTruncation | None = None,
    ) -> None:
        one_of("auto_offset_reset", auto_offset_reset, RESETS)
        one_of("isolation_level", isolation_level, tuple(ISOLATION))
        at_least(
            0,
            fetch_min_bytes=fetch_min_bytes,
            fetch_max_wait_ms=fetch_max_wait_ms,
            max_partition_fetch_bytes=max_partition_fetch_bytes,
            request_timeout_ms=request_timeout_ms,
            retry_backoff_ms=retry_backoff_ms,
            auto_commit_interval_ms=auto_commit_interval_ms,
            metadata_max_age_ms=metadata_max_age_ms,
        )
        at_least(
            1,
            fetch_max_bytes=fetch_max_bytes,
            heartbeat_interval_ms=heartbeat_interval_ms,
            max_poll_interval_ms=max_poll_interval_ms,
        )
        check_consumer(
            group_id, group_protocol, group_remote_assignor, session_timeout_ms, heartbeat_interval_ms, max_poll_records
        )
        self.client_id = client_id or f"consumer-{group_id or 'alone'}-{next(_numbers)}"
        self.group_id = group_id
        self.last_error: BaseException | None = None
        """What went wrong last in the background."""
        self._clock = clock
        self._request_timeout_ms = request_timeout_ms
        self._exclude_internal = exclude_internal_topics
        self._max_poll_records = max_poll_records or _NO_LIMIT
        self._resume = resume
        self._on_truncation = on_truncation
        self._started = self._closing = self._closed = False
        self._pending: list[BaseException] = []
        self._given: list[PartitionState] = []
        self._tasks = Tasks(self._broke)
        self._subscription = Subscription(self._assignment_changed)
        connection = Connection(network, clock, ClientInfo(self.client_id), request_timeout_ms)
        self._metadata = ClientMetadata(
            connection, clock, metadata_max_age_ms, retry_backoff_ms, self._metadata_changed
        )
        isolation = ISOLATION[isolation_level]
        self._lookup = OffsetLookup(connection, self._metadata, clock, isolation, retry_backoff_ms)
        assignors = assignors_of(partition_assignment_strategy)
        self._link: CoordinatorLink | None = None
        self._commits: Commits | None = None
        self._membership: GroupMember | None = None
        if group_id is not None:
            self._link = CoordinatorLink(group_id, connection, clock, retry_backoff_ms)
            self._commits = Commits(
                self._link,
                self._subscription,
                clock,
                self._tasks,
                self._standing,
                self._commit_failed,
                auto=enable_auto_commit,
                interval_ms=auto_commit_interval_ms,
                retry_backoff_ms=retry_backoff_ms,
                request_timeout_ms=request_timeout_ms,
            )
            self._group_instance_id = group_instance_id
            rebalance_timeout_ms = max_poll_interval_ms if rebalance_timeout_ms is None else rebalance_timeout_ms
            parts = MemberParts(
                self._link, self._subscription, self._metadata, self._commits, clock, self._tasks, self._tell
            )
            if group_protocol == "consumer":
                self._membership = ConsumerMembership(
                    ConsumerMemberConfig(
                        self.client_id,
                        group_instance_id,
                        group_remote_assignor,
                        max_poll_interval_ms,
                        rebalance_timeout_ms,
                        retry_backoff_ms,
                    ),
                    parts,
                )
            else:
                member = MemberConfig(
                    group_instance_id,
                    assignors,
                    session_timeout_ms,
                    heartbeat_interval_ms,
                    max_poll_interval_ms,
                    rebalance_timeout_ms,
                    request_timeout_ms,
                    retry_backoff_ms,
                )
                self._membership = Membership(member, parts)
        fetching = FetchConfig(
            fetch_max_wait_ms,
            fetch_min_bytes,
            fetch_max_bytes,
            max_partition_fetch_bytes,
            isolation,
            auto_offset_reset,
            retry_backoff_ms,
        )
        self._fetcher = Fetcher(
            fetching,
            self._subscription,
            connection,
            self._metadata,
            self._lookup,
            Validation(connection, self._metadata, auto_offset_reset, self._truncated),
            clock,
            self._tasks,
            self._link.committed if self._link is not None else None,
            deserializing(key_deserializer, value_deserializer),
        )
        if topics:
            self._subscription.subscribe(topics, None, None)

    # As a member

    @property
    def member_id(self) -> str:
        """Its name in its group, "" while it has none."""
        return self._membership.member_id if self._membership is not None else ""

    @property
    def generation(self) -> int:
        """The generation of the group it belongs to, -1 while to none."""
        return self._membership.generation if self._membership is not None else -1

    @property
    def heartbeating(self) -> bool:
        """Whether it sends heartbeats; with False all else goes on."""
        return self._membership is not None and self._membership.heartbeating

    @heartbeating.setter
    def heartbeating(self, beat: bool) -> None:
        if self._membership is not None:
            self._membership.heartbeating = beat

    def group_metadata(self) -> ConsumerGroupMetadata:
        """As whom a transactional producer adds this consumer's offsets (KIP-447); raises InvalidGroupIdError.

        To be taken along with the records, for the consumer may have joined its group anew by the time they are
        processed: what came before that is another's to commit.
        """
        if self.group_id is None:
            raise InvalidGroupIdError("Only a consumer with a group_id has offsets that a transaction can commit.")
        standing = self._standing()
        return ConsumerGroupMetadata(self.group_id, standing.generation, standing.member_id, standing.group_instance_id)

    def membership(self) -> dict[str, Any]:
        """Who it is in its group and where it stands, in plain values: `resume` for a consumer that takes this up."""
        assigned = self._subscription.assigned
        return {
            "member_id": self.member_id,
            "generation": self.generation,
            "topics": sorted(self._subscription.topics),
            "leader": self._membership is not None and self._membership.watching is not None,
            "assignment": [list(tp) for tp in sorted(assigned)],
            "positions": [
                [list(tp), state.position, state.epoch] for tp, state in assigned.items() if state.position is not None
            ],
        }

    # What others tell

    def _metadata_changed(self) -> None:
        subscription = self._subscription
        if subscription.pattern is not None:
            known = self._metadata.topics(internal=not self._exclude_internal)
            subscription.topics = frozenset(topic for topic in known if subscription.pattern.match(topic))
        if self._membership is not None:
            self._membership.metadata_changed()
        elif subscription.subscribed:
            self._assign_all()
        self._fetcher.wake()

    def _assign_all(self) -> None:
        """Without a group, every partition of the topics subscribed to is this consumer's.

        Where a broker does not know a topic, as one that has only just started, it keeps what it has of it.
        """
        subscription = self._subscription
        wanted: list[TopicPartition] = []
        for topic in sorted(subscription.topics):
            known = self._metadata.partitions(topic)
            if known is None:
                wanted += [tp for tp in subscription.assigned if tp.topic == topic]
            else:
                wanted += [TopicPartition(topic, partition) for partition in known]
        if set(wanted) != set(subscription.assigned):
            subscription.replace(wanted, keep=True)

    def _assignment_changed(self) -> None:
        if self._started and not self._closing:
            self._fetcher.wake()
            self._fetcher.tell()

    def _standing(self) -> Standing:
        if self._subscription.by_hand or self._membership is None:
            return Standing(-1, "", None)
        return Standing(self._membership.generation, self._membership.member_id, self._group_instance_id)

    def _commit_failed(self, error: KafkaError) -> None:
        self.last_error = error
        cause = error.__cause__
        if self._membership is not None and not self._closing:
            if isinstance(cause, FencedInstanceIdError):
                self._membership.fenced(cause)
            elif isinstance(cause, MOVED_ON):
                self._membership.moved_on(cause)

    def _truncated(self, tp: TopicPartition, before: int, after: int | None) -> None:
        """The log of a partition was cut back, and its position with it."""
        where = "auto_offset_reset says" if after is None else f"offset {after}"
        self.last_error = LogTruncationError(
            f"The log of {tp} was cut back, with some of what was read up to offset {before}: it goes on from {where}.",
            before,
            -1 if after is None else after,
        )
        if self._on_truncation is not None:
            self._on_truncation(tp, before, after)

    def _tell(self, error: BaseException) -> None:
        self.last_error = error
        self._pending.append(error)
        self._fetcher.tell()

    def _broke(self, error: BaseException) -> None:
        """Something the consumer did not expect: the application gets it with its next poll."""
        self._tell(error)

    async def _until(self, condition: Callable[[], bool], otherwise: str, state: PartitionState | None = None) -> None:
        """Wait until something holds; raises KafkaTimeoutError, or what went wrong meanwhile."""
        deadline = self._clock.now_ms() + self._request_timeout_ms
        while not condition():
            self._check_open()
            if state is not None:
                self._fetcher.check(state.tp)
            left = deadline - self._clock.now_ms()
            if left <= 0:
                raise KafkaTimeoutError(f"{otherwise} within {self._request_timeout_ms:.0f} ms.")
            await self._fetcher.news(left)

    def _check_open(self, *, while_closing: bool = False) -> None:
        if self._closed or (self._closing and not while_closing):
            raise ClientClosedError(f"{self.client_id} is closed.")
        if not self._started:
            raise IllegalStateError(f"{self.client_id} is not started; await its start() first.")
