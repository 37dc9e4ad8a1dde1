"""The lab's consumer, shaped like aiokafka's `AIOKafkaConsumer` and with the defaults of Kafka's own."""

from __future__ import annotations

import asyncio
import copy
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from engine.clients.commits import Commits, Offsets, Standing
from engine.clients.connection import Connection
from engine.clients.coordination import MOVED_ON, CoordinatorLink
from engine.clients.fetcher import FetchConfig, Fetcher
from engine.clients.membership import MemberConfig, Membership
from engine.clients.metadata import ClientMetadata
from engine.clients.offsets import OffsetLookup
from engine.clients.rebalancing import assignors_of
from engine.clients.subscription import PartitionState, Subscription
from engine.clients.tasks import Tasks
from engine.clock import Clock
from engine.errors import (
    ClientClosedError,
    CommitFailedError,
    FencedInstanceIdError,
    IllegalStateError,
    InvalidConfigError,
    InvalidGroupIdError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
)
from engine.messages import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, IsolationLevel, ListedOffset
from engine.network import Network
from engine.records import ConsumerRecord
from engine.types import ClientInfo, OffsetAndMetadata, OffsetAndTimestamp, TopicPartition

ISOLATION = {
    "read_uncommitted": IsolationLevel.READ_UNCOMMITTED,
    "read_committed": IsolationLevel.READ_COMMITTED,
}
RESETS = ("earliest", "latest", "none")
_NO_LIMIT = 2**31

_numbers = itertools.count(1)


class Consumer:
    """Reads records, alone or as a member of a group. Times are ms, sizes bytes.

    `resume` is what `membership()` answered earlier: the consumer goes on as that member, from those positions, if its
    group still stands where it stood. Raises InvalidConfigError, InvalidGroupIdError.
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
        metadata_max_age_ms: float = 300_000,
        exclude_internal_topics: bool = True,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        _one_of("auto_offset_reset", auto_offset_reset, RESETS)
        _one_of("isolation_level", isolation_level, tuple(ISOLATION))
        if group_id == "":
            raise InvalidGroupIdError("A group id must not be empty; leave it out to read without a group.")
        if heartbeat_interval_ms >= session_timeout_ms:
            raise InvalidConfigError(
                f"heartbeat_interval_ms ({heartbeat_interval_ms}) must be below session_timeout_ms "
                f"({session_timeout_ms}); a third of it is usual."
            )
        if max_poll_records is not None and max_poll_records < 1:
            raise InvalidConfigError(f"max_poll_records cannot be {max_poll_records}; it takes 1 or more, or None.")
        self.client_id = client_id or f"consumer-{group_id or 'alone'}-{next(_numbers)}"
        self.group_id = group_id
        self.last_error: BaseException | None = None
        """What went wrong last in the background."""
        self._clock = clock
        self._request_timeout_ms = request_timeout_ms
        self._exclude_internal = exclude_internal_topics
        self._max_poll_records = max_poll_records or _NO_LIMIT
        self._resume = resume
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
        self._membership: Membership | None = None
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
            member = MemberConfig(
                group_instance_id,
                assignors,
                session_timeout_ms,
                heartbeat_interval_ms,
                max_poll_interval_ms,
                max_poll_interval_ms if rebalance_timeout_ms is None else rebalance_timeout_ms,
                request_timeout_ms,
                retry_backoff_ms,
            )
            self._group_instance_id = group_instance_id
            self._membership = Membership(
                member, self._link, self._subscription, self._metadata, self._commits, clock, self._tasks, self._tell
            )
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
            clock,
            self._tasks,
            self._link.committed if self._link is not None else None,
            _deserializing(key_deserializer, value_deserializer),
        )
        if topics:
            self.subscribe(topics)

    # Beginning and ending

    async def start(self) -> None:
        """Learn of the cluster and begin to join the group, in the background; raises NetworkError without a broker.

        It does not wait for partitions: `getmany` does.
        """
        if self._started and not self._closing:
            return
        self._started = True
        self._check_open()
        self._metadata.want(self._subscription.topics)
        await self._metadata.refresh()
        self._tasks.spawn(self._metadata.keep_fresh(), f"{self.client_id}-metadata")
        if self._commits is not None:
            self._commits.restart()
        if self._membership is not None:
            if self._resume is not None:
                positions = self._resume["positions"]
                self._subscription.start_at = {TopicPartition(*tp): offset for tp, offset in positions}
            else:
                self._membership.request_rejoin("the consumer starts")
            self._membership.start(self._resume)
        self._fetcher.wake()

    async def stop(self) -> None:
        """Commit what was handed out if that is automatic, give partitions up, leave the group and close."""
        if self._closing:
            return
        self._closing = True
        self._fetcher.close()
        try:
            if self._membership is not None and self._commits is not None and self._started:
                self._pending.clear()
                offsets, owned = self._commits.handed_out(), set(self._subscription.assigned)
                if self._subscription.by_hand:
                    await self._commits.auto_commit(offsets)
                else:
                    reason = "the consumer is being closed"
                    await self._membership.leave(reason, offsets, owned, self._subscription.listener)
        finally:
            self._end()
            await self._tasks.close()
        if self._pending:
            raise self._pending.pop(0)

    def crash(self) -> None:
        """Stop dead: nothing is committed, nobody is told; the session timeout has to run out."""
        self._closing = True
        self._end()

    def _end(self) -> None:
        self._closed = True
        self._tasks.cancel()
        self._fetcher.close()
        if self._membership is not None:
            self._membership.generation = -1

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # What is read

    def subscribe(self, topics: Iterable[str] = (), pattern: str | None = None, listener: Any = None) -> None:
        """Read these topics, or all whose name matches `pattern`, in place of what was subscribed to before.

        `listener` has `on_partitions_revoked` and `on_partitions_assigned`, and may have `on_partitions_lost`.
        Raises TypeError, ValueError for a bad pattern, IllegalStateError after `assign`.
        """
        if isinstance(topics, str):
            raise TypeError(f"topics is a list of names; write [{topics!r}].")
        wanted = set(topics)
        if bool(wanted) == (pattern is not None):
            raise TypeError("Give subscribe() either topics or a pattern.")
        try:
            compiled = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        self._subscription.subscribe(wanted, compiled, listener)
        self._metadata.everything = compiled is not None
        self._metadata.want(wanted)
        if self._started:
            self._metadata.request_update()
            if self._membership is not None:
                self._membership.request_rejoin("the subscription has changed")
            else:
                self._assign_all()

    def unsubscribe(self) -> None:
        """Read nothing any more; in a group, leave it."""
        subscription = self._subscription
        owned, listener, by_hand = set(subscription.assigned), subscription.listener, subscription.by_hand
        offsets = self._commits.handed_out() if self._commits is not None else {}
        subscription.unsubscribe()
        self._metadata.everything = False
        self._metadata.want(())
        if self._membership is not None and self._started and not by_hand:
            leaving = self._membership.unsubscribe(offsets, owned, listener)
            self._tasks.spawn(leaving, f"{self.client_id}-unsubscribe")

    def subscription(self) -> frozenset[str]:
        """The topics subscribed to, those a pattern matches among them."""
        return self._subscription.topics

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read exactly these partitions, without a group sharing them out; raises IllegalStateError if subscribed."""
        if self._subscription.subscribed:
            raise IllegalStateError("This consumer is subscribed to topics; call unsubscribe() before assign().")
        wanted = [TopicPartition(*tp) for tp in partitions]
        self._subscription.by_hand = True
        self._metadata.want({tp.topic for tp in wanted})
        self._subscription.replace(wanted, keep=True)

    def assignment(self) -> set[TopicPartition]:
        """The partitions assigned just now."""
        return set(self._subscription.assigned)

    # Reading

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: float = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records by partition, up to `max_records` or `max_poll_records`; waits up to `timeout_ms` for the first.

        Raises NoOffsetForPartitionError, OffsetOutOfRangeError, what went wrong in the group, ClientClosedError.
        """
        if max_records is not None and max_records < 1:
            raise ValueError(f"max_records is 1 or more, not {max_records}.")
        limit = max_records or self._max_poll_records
        deadline = self._clock.now_ms() + timeout_ms
        await self._begin_poll()
        try:
            await asyncio.sleep(0)  # whoever does nothing but poll gives others a turn, the next fetch among them
            if self._closing:
                self._check_open()
            taken = self._fetcher.take(partitions, limit)
            while not taken and (left := deadline - self._clock.now_ms()) > 0:
                await self._news(left)
                taken = self._fetcher.take(partitions, limit)
            return self._hand_out(taken)
        finally:
            self._end_poll()

    async def getone(self, *partitions: TopicPartition) -> ConsumerRecord:
        """The next record, waiting for it as long as it takes; raises as `getmany` does."""
        await self._begin_poll()
        try:
            while not (taken := self._fetcher.take(partitions, 1)):
                await self._news(None)
            return next(iter(self._hand_out(taken).values()))[0]
        finally:
            self._end_poll()

    def __aiter__(self) -> Self:
        self._check_open()
        return self

    async def __anext__(self) -> ConsumerRecord:
        """The next record, until the consumer is stopped."""
        try:
            return await self.getone()
        except ClientClosedError:
            raise StopAsyncIteration from None

    async def _begin_poll(self) -> None:
        if not self._started or self._closing:
            self._check_open()
        if self._membership is not None and self._membership.fatal is not None:
            self._pending = [copy.copy(self._membership.fatal)]
        if self._pending:
            await asyncio.sleep(0)  # an application that polls on whatever happens must not keep others from theirs
            raise self._pending.pop(0)
        if self._membership is not None:
            self._membership.poll_began()
        for state in self._given:
            state.processed = state.position
        self._given.clear()
        if self._commits is not None:
            self._commits.poll()

    def _end_poll(self) -> None:
        if self._membership is not None:
            self._membership.poll_ended()

    async def _news(self, left_ms: float | None) -> None:
        """Wait for something to hand out, and commit meanwhile what is done."""
        commit_in_ms = self._commits.due_in_ms if self._commits is not None else None
        waits = [ms for ms in (left_ms, commit_in_ms) if ms is not None]
        await self._fetcher.news(max(min(waits), 1.0) if waits else None)
        if self._closing:
            self._check_open()
        if self._pending:
            raise self._pending.pop(0)
        if self._commits is not None:
            self._commits.poll()

    def _hand_out(
        self, taken: dict[TopicPartition, list[ConsumerRecord]]
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        assigned = self._subscription.assigned
        self._given += [assigned[tp] for tp in taken]
        return taken

    def pause(self, *partitions: TopicPartition) -> None:
        """Hand out nothing of these until `resume`; they stay assigned. Raises IllegalStateError."""
        for state in [self._subscription.state(tp) for tp in partitions]:
            state.paused = True
        self._fetcher.wake()

    def resume(self, *partitions: TopicPartition) -> None:
        """Hand out records of these again; raises IllegalStateError."""
        for state in [self._subscription.state(tp) for tp in partitions]:
            state.paused = False
        self._fetcher.wake()
        self._fetcher.tell()

    def paused(self) -> set[TopicPartition]:
        """The partitions paused just now."""
        return {tp for tp, state in self._subscription.assigned.items() if state.paused}

    # Where it stands

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Hand out `offset` of the partition next; raises ValueError, IllegalStateError."""
        if not isinstance(offset, int) or offset < 0:
            raise ValueError(f"An offset is a whole number from 0, not {offset!r}.")
        self._subscription.state(partition).seek(offset)
        self._fetcher.clear_error(partition)
        self._fetcher.wake()

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Go to the start of these partitions, or of all assigned; raises IllegalStateError, KafkaTimeoutError."""
        return await self._seek_to("earliest", partitions)

    async def seek_to_end(self, *partitions: TopicPartition) -> bool:
        """Go to the end of these partitions, or of all assigned; raises IllegalStateError, KafkaTimeoutError."""
        return await self._seek_to("latest", partitions)

    async def _seek_to(self, where: str, partitions: tuple[TopicPartition, ...]) -> bool:
        states = await self._states(partitions)
        for state in states:
            state.forget_position(where)
            self._fetcher.clear_error(state.tp)
        self._fetcher.wake()
        for state in states:
            await self._positioned(state)
        return True

    async def seek_to_committed(self, *partitions: TopicPartition) -> dict[TopicPartition, int | None]:
        """Go to what is committed of these partitions, or of all assigned; returns it, None where nothing is."""
        states = await self._states(partitions)
        found = await self._coordinator().committed([state.tp for state in states])
        for state in states:
            if state.tp in found:
                self.seek(state.tp, found[state.tp].offset)
        return {state.tp: found[state.tp].offset if state.tp in found else None for state in states}

    async def position(self, partition: TopicPartition) -> int:
        """The offset handed out next, waiting until it is known; raises IllegalStateError, KafkaTimeoutError."""
        state = self._subscription.state(partition)
        if state.position is None:
            await self._positioned(state)
        assert state.position is not None
        return state.position

    def position_of(self, partition: TopicPartition) -> int | None:
        """The offset that is handed out next; None while it is not known, or the partition is not assigned."""
        state = self._subscription.assigned.get(partition)
        return None if state is None else state.position

    def highwater(self, partition: TopicPartition) -> int | None:
        """The high watermark as of the last fetch, None before the first; raises IllegalStateError."""
        return self._subscription.state(partition).high_watermark

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """The last stable offset as of the last fetch, None before the first; raises IllegalStateError."""
        return self._subscription.state(partition).last_stable_offset

    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """The first record at or after each time (ms), None where there is none; raises KafkaTimeoutError."""
        for tp, timestamp in timestamps.items():
            if timestamp < 0:
                raise ValueError(f"The time for {tp} is in ms since 1970 and cannot be {timestamp}.")
        found = await self._offsets({tp: int(timestamp) for tp, timestamp in timestamps.items()})
        return {
            tp: OffsetAndTimestamp(each.offset, each.timestamp) if each.offset >= 0 else None
            for tp, each in found.items()
        }

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The log start offset of each; raises KafkaTimeoutError."""
        found = await self._offsets(dict.fromkeys(partitions, EARLIEST_TIMESTAMP))
        return {tp: each.offset for tp, each in found.items()}

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last record of each that can be read; raises KafkaTimeoutError."""
        found = await self._offsets(dict.fromkeys(partitions, LATEST_TIMESTAMP))
        return {tp: each.offset for tp, each in found.items()}

    async def _offsets(self, timestamps: dict[TopicPartition, int]) -> dict[TopicPartition, ListedOffset]:
        self._check_open()
        for topic in {tp.topic for tp in timestamps}:
            if self._metadata.partitions(topic) is None:
                await self._metadata.wait_for(topic, self._request_timeout_ms)
        return await self._lookup.by_time(timestamps, self._request_timeout_ms)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of a topic; None if this consumer does not know the topic."""
        known = self._metadata.partitions(topic)
        return None if known is None else set(known)

    async def topics(self) -> set[str]:
        """All topics there are, but for Kafka's own."""
        self._check_open()
        before, self._metadata.everything = self._metadata.everything, True
        try:
            await self._metadata.refresh()
        finally:
            self._metadata.everything = before
        return self._metadata.topics()

    # Committing

    async def commit(self, offsets: Mapping[TopicPartition, Any] | None = None) -> None:
        """Commit everything handed out, or these offsets: of the next record, or (offset, metadata).

        Raises CommitFailedError when the group went on without this consumer, IllegalStateError, KafkaError.
        """
        self._check_open(while_closing=True)
        if self._commits is None or self._membership is None:
            raise self._without_group()
        if not self._subscription.by_hand and not self._subscription.subscribed and not self._closing:
            raise IllegalStateError("This consumer is neither subscribed nor assigned anything to commit.")
        wanted = self._commits.handed_out() if offsets is None else _to_commit(offsets)
        deadline = self._clock.now_ms() + self._request_timeout_ms
        while True:
            for tp in wanted:
                self._check_still_assigned(tp)
            try:
                await self._commits.commit(wanted, max(0.0, deadline - self._clock.now_ms()))
                return
            except CommitFailedError as error:
                self._commit_failed(error)
                raise
            except RebalanceInProgressError:
                await self._until_settled(deadline)

    async def _until_settled(self, deadline: float) -> None:
        assert self._membership is not None
        self._membership.request_rejoin("the group is rebalancing")
        try:
            await self._clock.wait_for(self._membership.settled(), max(1.0, deadline - self._clock.now_ms()))
        except TimeoutError:
            raise CommitFailedError(f"{self.group_id} kept rebalancing; nothing was committed. Try again.") from None

    def _check_still_assigned(self, tp: TopicPartition) -> None:
        if tp in self._subscription.assigned:
            return
        if self._subscription.by_hand:
            raise IllegalStateError(f"{tp} is not assigned to this consumer.")
        raise CommitFailedError(
            f"{tp} was not committed: it does not belong to this consumer any more; {self.group_id} has given it away."
        )

    async def committed(self, partition: TopicPartition) -> int | None:
        """The group's committed offset, None where there is none; raises InvalidGroupIdError, KafkaError."""
        self._check_open(while_closing=True)
        found = await self._coordinator().committed([partition])
        return found[partition].offset if partition in found else None

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

    def membership(self) -> dict[str, Any]:
        """Who it is in its group and where it stands, in plain values: `resume` for a consumer that takes this up."""
        assigned = self._subscription.assigned
        return {
            "member_id": self.member_id,
            "generation": self.generation,
            "topics": sorted(self._subscription.topics),
            "leader": self._membership is not None and self._membership.watching is not None,
            "assignment": [list(tp) for tp in sorted(assigned)],
            "positions": [[list(tp), state.position] for tp, state in assigned.items() if state.position is not None],
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
        """Without a group, every partition of the topics subscribed to is this consumer's."""
        subscription = self._subscription
        wanted = [
            TopicPartition(topic, partition)
            for topic in sorted(subscription.topics)
            for partition in self._metadata.partitions(topic) or ()
        ]
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

    def _tell(self, error: BaseException) -> None:
        self.last_error = error
        self._pending.append(error)
        self._fetcher.tell()

    def _broke(self, error: BaseException) -> None:
        """Something the consumer did not expect: the application gets it with its next poll."""
        self._tell(error)

    async def _states(self, partitions: tuple[TopicPartition, ...]) -> list[PartitionState]:
        """The states of these partitions, or of all assigned, waiting for the group to assign some."""
        self._check_open()
        if partitions:
            return [self._subscription.state(tp) for tp in partitions]
        await self._until(lambda: bool(self._subscription.assigned), "No partitions were assigned")
        return list(self._subscription.assigned.values())

    async def _positioned(self, state: PartitionState) -> None:
        await self._until(
            lambda: state.position is not None or self._subscription.assigned.get(state.tp) is not state,
            f"The position of {state.tp} could not be found",
            state,
        )
        if state.position is None:
            raise IllegalStateError(f"{state.tp} is not assigned to this consumer any more.")

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

    def _coordinator(self) -> CoordinatorLink:
        if self._link is None:
            raise self._without_group()
        return self._link

    def _without_group(self) -> InvalidGroupIdError:
        return InvalidGroupIdError("Only a consumer with a group_id can commit, or ask what is committed.")

    def _check_open(self, *, while_closing: bool = False) -> None:
        if self._closed or (self._closing and not while_closing):
            raise ClientClosedError(f"{self.client_id} is closed.")
        if not self._started:
            raise IllegalStateError(f"{self.client_id} is not started; await its start() first.")


def _one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise InvalidConfigError(f"{name} cannot be {value!r}; it takes {', '.join(accepted)}.")


def _to_commit(offsets: Mapping[TopicPartition, Any]) -> Offsets:
    """Offsets as an application may write them; ValueError for what cannot be one."""
    wanted = {}
    for tp, given in offsets.items():
        offset, metadata = given if isinstance(given, tuple) else (given, "")
        if not isinstance(offset, int) or offset < 0 or not isinstance(metadata, str):
            raise ValueError(f"{tp}: commit an offset from 0, or (offset, metadata), not {given!r}.")
        wanted[TopicPartition(*tp)] = OffsetAndMetadata(offset, metadata)
    return wanted


def _deserializing(
    key: Callable[[bytes | None], Any] | None, value: Callable[[bytes | None], Any] | None
) -> Callable[[list[ConsumerRecord]], list[ConsumerRecord]] | None:
    """What turns the bytes of records into what the application wants; None if it wants the bytes."""
    if key is None and value is None:
        return None

    def transform(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
        return [
            record._replace(
                key=record.key if key is None else key(record.key),
                value=record.value if value is None else value(record.value),
            )
            for record in records
        ]

    return transform
