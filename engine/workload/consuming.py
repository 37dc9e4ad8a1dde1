"""Keeps a spawned consumer busy: polls, spends its processing time on each record, commits by its rule, and fails on
command.

Commits are of what has been processed, never of what was merely fetched. `auto` commits as Kafka's Java consumer does
(`ConsumerCoordinator.maybeAutoCommitOffsetsAsync`): when polling, once the interval is over, and before partitions are
given up. `after` commits each poll once it is processed, `before` commits a poll and then processes it. Given up in the
middle of a poll, or stopped, a consumer commits to the very record it has processed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from engine.workload.listening import Listener
from engine.workload.spec import ConsumerSpec
from engine.workload.standing import Standing
from engine.workload.viewing import consumer_view

_POLL_MS = 1_000
_KEPT_EVERY_MS = 4_000


class DrivenConsumer(Driven):
    """A consumer and its workload. `on_change(self)` is called when its partitions change, and now and then."""

    def __init__(
        self,
        spec: ConsumerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenConsumer, Mapping[str, Any] | None], Consumer],
        on_change: Callable[[DrivenConsumer], None],
        on_end: Callable[[Driven, BaseException], None],
        book: GroupBook | None = None,
    ) -> None:
        super().__init__(name, clock, total, on_end)
        self.spec = spec
        self._book = book
        self.processed = 0
        self.client: Consumer | None = None
        self.joining = ""
        """"joining" or "rejoining" its group; empty while it knows its partitions."""
        self._make = make
        self._on_change = on_change
        self._standing: Standing | None = None
        self._membership: Mapping[str, Any] | None = None
        self._beats = True
        self._effort = Effort(clock, self._nap, lambda: self.state is ClientState.HUNG)
        self._view: ConsumerView | None = None

    # Beginning and ending

    async def start(self, membership: Mapping[str, Any] | None = None) -> None:
        """Make a client, as the member it was if `membership` says so, and work; raises KafkaError."""
        client = self._make(self, membership)
        client.subscribe(topics=self.spec.topics, listener=Listener(self))
        self.client, self._standing = client, Standing(client)
        self.state = ClientState.PAUSED if self.spec.paused else ClientState.RUNNING
        self.joining, self.last_error, self._beats = "joining", "", True
        try:
            await client.start()
        except BaseException:
            client.crash()
            self._gone(client, ClientState.STOPPED)
            raise
        self._begin()

    async def stop(self) -> None:
        """Leave off after the record at hand, commit by the rule, leave the group."""
        await self._end()
        client = self.client
        if client is None:
            return
        try:
            self._beats = True
            if self._standing is not None and self.spec.commit != "before":
                await self._commit_all(client, self._standing)
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

    async def suspend(self) -> None:
        """End as the world stops: in silence, to go on later as the same member from where it stands."""
        await self._end()
        if self.client is not None:
            self._put_back()
            self._membership = self.client.membership()
            self.client.crash()
            self.client = self._standing = None

    def kept(self) -> dict[str, Any]:
        """Plain values to go on from later."""
        return {
            "spec": self.spec.to_json(),
            "state": self.state.value,
            "membership": self._who() or self._membership,
            "heartbeating": self._beats,
            "processed": self.processed,
            "last_error": self.last_error,
            "meter": self.meter.kept(),
        }

    def _who(self) -> dict[str, Any] | None:
        """Who it is, but not where it stands: after a kill it goes on from what is committed, as after any crash."""
        return {**self.client.membership(), "positions": []} if self.client is not None else None

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on from what was kept."""
        self.state = ClientState(data["state"])
        self._membership = data["membership"]
        self._beats = data["heartbeating"]
        self.processed = data["processed"]
        self.last_error = data["last_error"]
        if "meter" in data:
            self.meter.recall(data["meter"])

    async def restore(self) -> None:
        """Live on as what was recalled: the same member, hung or silent if it was; raises KafkaError."""
        hung, beats = self.state is ClientState.HUNG, self._beats
        await self.start(self._membership)
        self.heartbeating = beats
        if hung:
            self.hang(True)

    def _gone(self, client: Consumer | None, state: ClientState) -> None:
        if self.client is client:
            self.client = self._standing = self._membership = None
            self.state = state
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

    # Where it stands

    def position(self, tp: TopicPartition) -> int | None:
        """The next offset it will process; None when the partition is not its own or not known yet."""
        return self._standing.position(tp) if self._standing is not None else None

    def positions(self) -> tuple[tuple[TopicPartition, int], ...]:
        """The positions known of its partitions, in order."""
        return self._standing.positions() if self._standing is not None else ()

    def owns(self, tp: TopicPartition) -> bool:
        """Whether it takes the partition for its own."""
        return self._standing is not None and self._standing.owns(tp)

    def assignment(self) -> set[TopicPartition]:
        """The partitions it takes for its own."""
        return self._standing.assignment() if self._standing is not None else set()

    def at_record(self) -> str:
        """The record being processed, as "orders-3 @ 1204"; empty when there is none."""
        return self._standing.at_record() if self._standing is not None else ""

    @property
    def generation(self) -> int:
        """The generation of its group that it is of; -1 while of none."""
        return self.client.generation if self.client is not None else -1

    def view(self) -> ConsumerView:
        """What is to be seen of it; the same object while nothing changes."""
        view = consumer_view(self, self._clock.now_ms())
        if view != self._view:
            self._view = view
        return self._view

    def _leave_off(self, standing: Standing) -> None:
        """Spend no more time on a record that was dropped."""
        if not standing.at_record():
            self._nap.wake()

    def _put_back(self) -> None:
        if self._standing is not None:
            self._standing.put_back()

    # Committing

    async def _commit_all(self, client: Consumer, standing: Standing) -> None:
        await self._commit(client, standing, standing.uncommitted(client.assignment()))

    async def _commit(self, client: Consumer, standing: Standing, offsets: dict[TopicPartition, int]) -> None:
        if not offsets or not self._beats:
            return  # a commit is a sign of life to the coordinator, and this one has to be silent
        try:
            await client.commit(client.to_commit(offsets))
        except ClientClosedError:
            raise
        except KafkaError as error:
            self.failed_with(error)
        else:
            standing.committed(offsets)

    async def give_up(self, revoked: Iterable[TopicPartition], commit: bool) -> None:
        """Partitions go to others: commit what was processed of them, unless they are lost already."""
        revoked, client, standing = set(revoked), self.client, self._standing
        if client is None or standing is None:
            return
        offsets = standing.uncommitted(revoked) if commit and self.spec.commit != "before" else {}
        standing.give_up(revoked)
        if revoked:
            self.joining = "rejoining"
        self._leave_off(standing)
        self._on_change(self)
        await self._commit(client, standing, offsets)

    def take_over(self, assigned: Iterable[TopicPartition]) -> None:
        """Partitions are its own from now on."""
        assigned, client, standing = set(assigned), self.client, self._standing
        if client is None or standing is None:
            return
        standing.take_over(assigned)
        self.joining = ""
        if self.state is ClientState.PAUSED and assigned:
            client.pause(*assigned)
        self._on_change(self)
