"""Keeps a spawned consumer busy: polls, spends its processing time on each record, commits by its rule, and fails on
command.

Commits are of what has been processed, never of what was merely fetched. `auto` commits as Kafka's Java consumer does
(`ConsumerCoordinator.maybeAutoCommitOffsetsAsync`): when polling, once the interval is over, and before partitions are
given up. `after` commits after each processed poll, `before` commits a whole poll and then processes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

from engine.clock import Clock
from engine.errors import (
    ClientClosedError,
    FencedInstanceIdError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
)
from engine.metrics import Meter
from engine.snapshot import ClientState, ConsumerView
from engine.types import TopicPartition
from engine.workload.driven import HISTORY_S, Driven
from engine.workload.spec import ConsumerSpec

if TYPE_CHECKING:
    from engine.clients.consumer import Consumer
    from engine.records.record import ConsumerRecord

RECORDS_A_TURN = 500
"""How many records that take no time are processed before others get a turn."""
_POLL_MS = 1_000
_RETRY_MS = 1_000
_FATAL = (
    FencedInstanceIdError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
)
"""Errors after which a member cannot go on; others pass, or a person mends them."""


class DrivenConsumer(Driven):
    """A consumer and its workload. `on_change(self)` is called when its partitions change."""

    def __init__(
        self,
        spec: ConsumerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenConsumer, Mapping[str, Any] | None], Consumer],
        on_change: Callable[[DrivenConsumer], None],
        on_end: Callable[[Driven, BaseException], None],
    ) -> None:
        super().__init__(name, clock, total, on_end)
        self.spec = spec
        self.processed = 0
        self.client: Consumer | None = None
        self._make = make
        self._on_change = on_change
        self._polled: dict[TopicPartition, Sequence[ConsumerRecord]] = {}
        """What is left of the last poll; a partition taken out of it is not processed further."""
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._given_up: set[TopicPartition] = set()
        self._at: TopicPartition | None = None
        self._doing = ""
        self._busy_until = 0.0
        self._view: ConsumerView | None = None
        self._seen: tuple[object, ...] = ()

    # Beginning and ending

    async def start(self, membership: Mapping[str, Any] | None = None) -> None:
        """Make a client, as the member it was if `membership` says so, and work; raises KafkaError."""
        self._polled, self._next, self._committed, self._given_up, self._at = {}, {}, {}, set(), None
        client = self._make(self, membership)
        client.subscribe(topics=self.spec.topics, listener=Listener(self))
        await client.start()
        self.client = client
        self.last_error = ""
        self.state = ClientState.PAUSED if self.spec.paused else ClientState.RUNNING
        self._doing = f"joining {self.spec.group_id}"
        self.version += 1
        self._begin()

    async def stop(self) -> None:
        """Leave off after the record at hand, commit by the rule, leave the group."""
        await self._end()
        client = self.client
        if client is None:
            return
        try:
            await self._commit_by_rule(client)
            await client.stop()
        except BaseException:
            client.crash()
            raise
        finally:
            self._gone(client, ClientState.STOPPED)

    def crash(self) -> None:
        """End at once: no commit, no goodbye."""
        self._cut()
        client = self.client
        if client is not None:
            client.crash()
        self._gone(client, ClientState.CRASHED)

    async def suspend(self) -> dict[str, Any] | None:
        """End as the world stops, in silence; returns the membership with which it can go on from where it stands."""
        await self._end()
        client = self.client
        if client is None:
            return None
        self._put_back()
        membership: dict[str, Any] = client.membership()
        client.crash()
        self.client = None
        return membership

    def _gone(self, client: Consumer | None, state: ClientState) -> None:
        if self.client is client:
            self.client = None
            self.state = state
            self._polled.clear()
            self.version += 1
            self._on_change(self)

    # Faults and pace

    def pause(self, paused: bool) -> None:
        """Stay a member, heartbeating and polling, but take no records; or go on."""
        self.spec = replace(self.spec, paused=paused)
        self.state = ClientState.PAUSED if paused else ClientState.RUNNING
        if self.client is not None:
            if paused:
                self._put_back()
                self.client.pause(*self.client.assignment())
            else:
                self.client.resume(*self.client.assignment())
        self.changed()

    def hang(self, hung: bool) -> None:
        """Get stuck in the record at hand without end, or come free."""
        resting = ClientState.PAUSED if self.spec.paused else ClientState.RUNNING
        self.state = ClientState.HUNG if hung else resting
        self.changed()

    def set_processing(self, ms: float) -> None:
        """Take so long for each record from now on; RefusedError below 0."""
        self.spec = replace(self.spec, processing_ms=ms).check()
        self._busy_until = self._clock.now_ms()
        self.changed()

    @property
    def heartbeating(self) -> bool:
        """Whether its group hears from it."""
        return self.client is not None and self.client.heartbeating

    @heartbeating.setter
    def heartbeating(self, beat: bool) -> None:
        if self.client is not None:
            self.client.heartbeating = beat
        self.version += 1

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on from these offsets and commit them; raises KafkaError. What was polled before is dropped."""
        client = self.client
        if client is None:
            return
        for tp, offset in offsets.items():
            self._drop(tp)
            client.seek(tp, offset)
        self.version += 1
        await client.commit(dict(offsets))
        self._committed.update(offsets)

    # What it does

    async def work(self) -> None:
        """Poll, process, commit; again."""
        client, clock, spec = self.client, self._clock, self.spec
        assert client is not None
        random = Random(f"{spec.seed}:{self.processed}").random
        commit_due = clock.now_ms() + spec.auto_commit_interval_ms
        self._busy_until = clock.now_ms()
        while True:
            await clock.running()
            while self.state is ClientState.HUNG:
                await self._nap.sleep(None)
            try:
                if spec.commit == "auto" and clock.now_ms() >= commit_due:
                    commit_due = clock.now_ms() + spec.auto_commit_interval_ms
                    await self._commit_by_rule(client)
                asked = clock.now_ms()
                got = await client.getmany(timeout_ms=_POLL_MS, max_records=spec.max_poll_records)
                if clock.now_ms() - asked > self.turn_ms:
                    self._busy_until = clock.now_ms()
                polled = {tp: records for tp, records in got.items() if records and tp not in self._given_up}
                if not polled:
                    continue
                self._polled = dict(polled)
                self._next.update((tp, records[0].offset) for tp, records in polled.items())
                if spec.commit == "before":
                    await self._commit(client, {tp: records[-1].offset + 1 for tp, records in polled.items()})
                for tp, records in polled.items():
                    await self._process(tp, records, random)
                self._at = None
                if spec.commit == "after":
                    await self._commit_by_rule(client)
            except ClientClosedError:
                if client is not self.client:
                    return
                raise
            except _FATAL:
                raise
            except KafkaError as error:
                self.failed_with(error)
                await self._nap.sleep(_RETRY_MS)

    async def _process(
        self, tp: TopicPartition, records: Sequence[ConsumerRecord], random: Callable[[], float]
    ) -> None:
        """Spend time on each record, in slices of a turn; leave off when the partition is taken away."""
        done = 0
        while done < len(records) and self._polled.get(tp) is records:
            self._at, self._next[tp] = tp, records[done].offset
            ms, spread, cost, count = self.spec.processing_ms, self.spec.jitter, 0.0, 0
            while done + count < len(records) and cost < self.turn_ms and count < RECORDS_A_TURN:
                cost += ms * (1.0 + spread * (2.0 * random() - 1.0))
                count += 1
            await self._spend(cost)
            if self._polled.get(tp) is not records:
                return
            done += count
            self._next[tp] = records[done - 1].offset + 1
            self.processed += count
            self.counted(count)
        self._polled.pop(tp, None)

    async def _spend(self, cost_ms: float) -> None:
        """Let `cost_ms` pass, making up for having slept a little too long before; then hang as long as it is asked."""
        now = self._clock.now_ms()
        self._busy_until = max(self._busy_until, now - self.turn_ms) + cost_ms
        if self._busy_until > now:
            await self._nap.sleep(self._busy_until - now)
        else:
            await asyncio.sleep(0)
        await self._clock.running()
        while self.state is ClientState.HUNG:
            await self._nap.sleep(None)
            self._busy_until = self._clock.now_ms()

    # Where it stands

    def position(self, tp: TopicPartition) -> int | None:
        """The next offset it will process; None when the partition is not its own or not known yet."""
        if self.client is None or tp in self._given_up:
            return None
        return self._next[tp] if tp in self._polled else self.client.position_of(tp)

    def owns(self, tp: TopicPartition) -> bool:
        """Whether it takes the partition for its own."""
        return self.client is not None and tp not in self._given_up and tp in self.client.assignment()

    def assignment(self) -> set[TopicPartition]:
        """The partitions it takes for its own."""
        return set(self.client.assignment()) - self._given_up if self.client is not None else set()

    @property
    def generation(self) -> int:
        """The generation of its group that it is of; -1 while of none."""
        return self.client.generation if self.client is not None else -1

    def _drop(self, tp: TopicPartition) -> None:
        if self._polled.pop(tp, None) is not None and tp == self._at:
            self._nap.wake()

    def _put_back(self) -> None:
        """Have what was polled but not processed delivered again."""
        for tp in tuple(self._polled):
            if self.client is not None and self.owns(tp):
                self.client.seek(tp, self._next[tp])
            self._drop(tp)

    # Committing

    def _uncommitted(self, among: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        positions = ((tp, self.position(tp)) for tp in among)
        return {tp: at for tp, at in positions if at is not None and self._committed.get(tp) != at}

    async def _commit_by_rule(self, client: Consumer) -> None:
        if self.spec.commit != "before":
            await self._commit(client, self._uncommitted(client.assignment()))

    async def _commit(self, client: Consumer, offsets: dict[TopicPartition, int]) -> None:
        if not offsets:
            return
        try:
            await client.commit(offsets)
        except ClientClosedError:
            raise
        except KafkaError as error:
            self.failed_with(error)
        else:
            self._committed.update(offsets)

    async def give_up(self, revoked: Iterable[TopicPartition], commit: bool) -> None:
        """Partitions go to others: commit what was processed of them, unless they are lost already."""
        revoked = set(revoked)
        offsets = self._uncommitted(revoked) if commit and self.spec.commit != "before" else {}
        self._given_up |= revoked
        for tp in revoked:
            self._drop(tp)
            self._committed.pop(tp, None)
        if revoked:
            self._doing = f"rejoining {self.spec.group_id}"
        self.version += 1
        self._on_change(self)
        if offsets and self.client is not None:
            await self._commit(self.client, offsets)
            for tp in offsets:
                self._committed.pop(tp, None)

    def take_over(self, assigned: Iterable[TopicPartition]) -> None:
        """Partitions are its own from now on."""
        assigned = set(assigned)
        self._given_up -= assigned
        self._doing = ""
        if self.state is ClientState.PAUSED and self.client is not None and assigned:
            self.client.pause(*assigned)
        self.version += 1
        self._on_change(self)

    # What is to be seen

    @property
    def activity(self) -> str:
        """What it is doing, in words."""
        if not self.alive:
            return ""
        at = f"{self._at} @ {self._next[self._at]}" if self._at in self._polled and self._at is not None else ""
        if self.state is ClientState.HUNG:
            return f"hung in processing {at}" if at else "hung before its next poll"
        if self.state is ClientState.PAUSED:
            return "paused; still a member"
        if at:
            return f"processing {at}"
        if self._doing:
            return self._doing
        if self.client is not None and self.client.member_id and not self.client.assignment():
            return "idle: no partition for it"
        return "waiting for records"

    def view(self) -> ConsumerView:
        """What is to be seen of it; the same object while nothing changes."""
        now, client = self._clock.now_ms(), self.client
        assignment = tuple(sorted(self.assignment()))
        positions = tuple((tp, at) for tp in assignment if (at := self.position(tp)) is not None)
        activity = self.activity
        seen = (self.version, self.processed, positions, assignment, activity, now // 250)
        if self._view is None or seen != self._seen:
            spec = self.spec
            view = ConsumerView(
                name=self.name,
                group_id=spec.group_id,
                topics=spec.topics,
                state=self.state,
                member_id=client.member_id if client is not None else "",
                generation=self.generation,
                assignment=assignment,
                positions=positions,
                processed=self.processed,
                measured=round(self.meter.rate(now), 1),
                history=self.meter.past(now, HISTORY_S),
                processing_ms=spec.processing_ms,
                jitter=spec.jitter,
                commit=spec.commit,
                assignor=spec.assignor,
                heartbeating=self.heartbeating,
                group_instance_id=spec.group_instance_id,
                activity=activity,
                last_error=self.last_error,
            )
            self._seen, self._view = seen, self._view if view == self._view else view
        return self._view


class Listener:
    """Tells a driven consumer what its client learns of its partitions (`ConsumerRebalanceListener`)."""

    def __init__(self, driven: DrivenConsumer) -> None:
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
