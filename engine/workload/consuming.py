"""Keeps a spawned consumer busy: polls, spends its processing time on each record, commits by its rule, and fails on
command.

`auto` commits as Kafka's Java consumer does (`ConsumerCoordinator.maybeAutoCommitOffsetsAsync`): when polling, once the
interval is over, and before partitions are given up. `after` commits each poll once it is processed, `before` commits a
poll and then processes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from engine.clients.consumer import Consumer
from engine.clock import Clock
from engine.errors import ClientClosedError, KafkaError
from engine.ledger import GroupBook
from engine.metrics import Meter
from engine.records.record import ConsumerRecord
from engine.snapshot import ClientState, ConsumerView
from engine.types import TopicPartition
from engine.workload.driven import FATAL, RETRY_MS, Driven
from engine.workload.effort import Effort, slice_of
from engine.workload.member import DrivenMember
from engine.workload.spec import ConsumerSpec
from engine.workload.standing import Standing
from engine.workload.viewing import consumer_view

_POLL_MS = 1_000
_KEPT_EVERY_MS = 4_000


class DrivenConsumer(DrivenMember):
    """A consumer and its workload."""

    def __init__(
        self,
        spec: ConsumerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenMember, Mapping[str, Any] | None], Consumer],
        on_change: Callable[[DrivenMember], None],
        on_end: Callable[[Driven, BaseException], None],
        book: GroupBook | None = None,
    ) -> None:
        super().__init__(spec, name, clock, total, make, on_change, on_end)
        self._book = book
        self._effort = Effort(clock, self._nap, lambda: self.state is ClientState.HUNG)
        self._view: ConsumerView | None = None

    async def restore(self) -> None:
        """Live on as what was recalled: the same member, hung or silent if it was; raises KafkaError."""
        hung, beats = self.state is ClientState.HUNG, self._beats
        await self.start(self._membership)
        self.heartbeating = beats
        if hung:
            self.hang(True)

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
        self._effort.rested()
        self.changed()

    @property
    def heartbeating(self) -> bool:
        """Whether its group hears from it; without, it commits nothing either."""
        return self.client is not None and self._beats

    @heartbeating.setter
    def heartbeating(self, beat: bool) -> None:
        self._beats = beat
        if self.client is not None:
            self.client.heartbeating = beat

    async def seek(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Go on from these offsets and commit them; raises KafkaError. What was polled before is dropped."""
        client, standing = self.client, self._standing
        if client is None or standing is None:
            return
        standing.drop(offsets)
        for tp, offset in offsets.items():
            client.seek(tp, offset)
        self._leave_off(standing)
        await client.commit(dict(offsets))
        standing.committed(offsets)

    # What it does

    async def work(self) -> None:
        """Poll, process, commit; again."""
        client, standing, clock, spec = self.client, self._standing, self._clock, self.spec
        assert client is not None
        assert standing is not None
        random = Random(f"{spec.seed}:{self.processed}").random
        commit_due = clock.now_ms() + spec.auto_commit_interval_ms
        keep_due = clock.now_ms() + _KEPT_EVERY_MS
        self._effort.rested()
        while True:
            while self.state is ClientState.HUNG:
                await self._nap.sleep(None)
            try:
                if spec.commit == "auto" and clock.now_ms() >= commit_due:
                    commit_due = clock.now_ms() + spec.auto_commit_interval_ms
                    await self._commit_all(client, standing)
                if clock.now_ms() >= keep_due:
                    keep_due = clock.now_ms() + _KEPT_EVERY_MS
                    self._on_change(self)
                asked = clock.now_ms()
                got = await client.getmany(timeout_ms=_POLL_MS, max_records=spec.max_poll_records)
                if clock.now_ms() - asked > self.turn_ms:
                    self._effort.rested()
                polled = standing.polled(got)
                if self._book is not None:
                    for tp, records in polled.items():
                        self._book.polled(tp, records[0].offset)
                await self._work_on(client, standing, polled, random)
            except ClientClosedError:
                if client is not self.client:
                    return
                raise
            except KafkaError as error:
                if self._at_end(error):
                    raise
                self.failed_with(error)
                await self._nap.sleep(RETRY_MS)

    def _at_end(self, error: KafkaError) -> bool:
        """Whether it cannot go on after this."""
        return isinstance(error, FATAL)

    async def _work_on(
        self,
        client: Consumer,
        standing: Standing,
        polled: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        random: Callable[[], float],
    ) -> None:
        """Process what was polled, and commit by the rule."""
        if self.spec.commit == "before":
            ends = {tp: records[-1].offset + 1 for tp, records in polled.items()}
            await self._commit(client, standing, ends)
        for tp, records in polled.items():
            await self._process(standing, tp, records, random)
        if self.spec.commit == "after":
            await self._commit_all(client, standing)

    async def _process(
        self, standing: Standing, tp: TopicPartition, records: Sequence[ConsumerRecord], random: Callable[[], float]
    ) -> bool:
        """Spend time on each record, in slices of a turn; False, leaving off, when the partition is dropped."""
        done = 0
        while done < len(records) and standing.holds(tp, records):
            standing.begins(records[done])
            count, cost = slice_of(self.spec, len(records) - done, self.turn_ms, random)
            await self._effort.spend(cost, self.turn_ms)
            if standing.holds(tp, records):
                await self._did(tp, records[done : done + count])
                done += count
                standing.did(records[done - 1])
                self.processed += count
                self.counted(count)
        standing.finished(tp)
        return done == len(records)

    async def _did(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """These are processed."""
        if self._book is not None:
            self._book.processed(tp, records)

    def view(self) -> ConsumerView:
        """What is to be seen of it; the same object while nothing changes."""
        view = consumer_view(self, self._clock.now_ms())
        if view != self._view:
            self._view = view
        return self._view
