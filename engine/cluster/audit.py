"""Settles what the ledger cannot know by itself, by reading the logs: once in a lab second, and only what is in doubt.

Acknowledged records come into doubt when another replica begins to lead and its log ended before them; those that are
not there, and that neither retention nor compaction removed, are gone. Records whose sending ended without an
acknowledgement are looked for up to the high watermark of every partition of their topic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.clients.partition_state import of_aborted
from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.errors import KafkaError
from engine.events import EventLog, Tone
from engine.ledger import GroupBook, Ledger, ProducerBook, Slot, mark_of
from engine.records import BatchHeader, read_records
from engine.replicas.leadership import Leadership
from engine.replicas.partition import Partition
from engine.snapshot import GroupView
from engine.types import INSIDE, TopicPartition

READ_BYTES = 4 << 20
"""How much of a partition is read in one go."""
GRACE_MS = 5_000
"""How long a record without an acknowledgement may still be under way to a leader."""

There = dict[int, tuple[int, int]]


@dataclass
class _Known:
    """What the last look at a partition found."""

    topic_id: bytes
    leading: Leadership | None = None
    epoch: int = -1
    log_start: int = 0
    end: int = 0
    settled: int = 0
    """Looks in a row at which nobody else believed that he leads."""
    scan_from: int = -1
    scanned: int = -1
    """It was searched from `scan_from` up to here for records that nobody acknowledged."""


class Audit:
    """Looks at all partitions that are served; `run` is called once a lab second."""

    def __init__(self, ledger: Ledger, nodes: Nodes, clock: Clock, events: EventLog) -> None:
        self._ledger = ledger
        self._nodes = nodes
        self._clock = clock
        self._events = events
        self._known: dict[TopicPartition, _Known] = {}
        self._unseen: set[tuple[str, TopicPartition]] = set()
        """By group, where a member from outside reads: what it processes is not seen."""
        self._looked_ms = clock.now_ms()

    async def run(self, groups: Iterable[GroupView]) -> None:
        """Look once."""
        now = self._clock.now_ms()
        served = {tp: leader for leader in self._nodes.led() if (tp := leader.tp) and self._serves(leader)}
        self._notice(served)
        for tp, partition in served.items():
            try:
                await self._settle(partition, self._known[tp])
            except KafkaError:
                continue  # its leader has just gone; another look follows
        await self._search(served)
        for book in self._ledger.groups.values():
            for tp in [tp for tp in served if tp.topic in book.output_topics]:
                await self._count(book, served[tp])
        self._reach(groups)
        self._ledger.passing({tp: partition.high_watermark for tp, partition in served.items()})
        for tp, partition in served.items():
            self._known[tp].end = partition.log.log_end_offset
        self._looked_ms = now

    def _serves(self, partition: Partition) -> bool:
        """Whether the controller agrees that it leads; it may have deleted the topic just now."""
        topic = self._nodes.controller.topics.get(partition.tp.topic)
        return (
            topic is not None
            and not topic.internal
            and topic.partitions[partition.tp.partition].leader == partition.broker_id
        )

    # Who leads, and since where

    def _notice(self, served: dict[TopicPartition, Partition]) -> None:
        topics = self._nodes.controller.topics
        for tp, known in tuple(self._known.items()):
            topic = topics.get(tp.topic)
            if topic is None or topic.topic_id != known.topic_id:
                self._ledger.forget_topic(tp.topic)
                del self._known[tp]
        for tp, partition in served.items():
            known = self._known.setdefault(tp, _Known(topics[tp.topic].topic_id))
            leading = partition.leading
            if leading is not known.leading and leading is not None:
                if known.leading is not None:
                    began = [start for epoch, start in partition.log.epochs.entries if epoch > known.epoch]
                    self._begins_at(tp, known, min([leading.epoch_start_offset, *began]))
                known.leading, known.epoch = leading, partition.state.leader_epoch
            known.log_start = max(known.log_start, min(partition.log.log_start_offset, partition.log.log_end_offset))

    def _begins_at(self, tp: TopicPartition, known: _Known, offset: int) -> None:
        self._ledger.doubt(tp, offset)
        known.settled = 0
        if known.scanned > offset:
            known.scanned = max(known.scan_from, offset)

    # Acknowledged, and in doubt

    async def _settle(self, partition: Partition, known: _Known) -> None:
        book = self._ledger.partitions.get(partition.tp)
        if book is None or not (book.watching or book.suspects):
            return
        while (doubtful := book.doubtful()) is not None:
            log, behind = partition.log, doubtful[1]
            first, end = max(doubtful[0], log.log_start_offset), log.flushed_offset
            there: There = {}
            if first < end:
                there, read_to = await self._read(partition, first)
                behind = behind if read_to >= end else read_to
            compacted = log.cleaned_to if partition.config.compacted else 0
            self._tell_lost(partition, book.judge(behind, there, max(known.log_start, compacted)))
        alone = not any(
            broker.broker_id != partition.broker_id
            and (other := broker.partitions.get(partition.tp)) is not None
            and other.leads
            for broker in self._nodes.alive.values()
        )
        known.settled = known.settled + 1 if alone else 0
        if known.settled > 1:
            book.watching = False

    def _tell_lost(self, partition: Partition, gone: list[Slot]) -> None:
        for book, count in self._ledger.lost(partition.tp, gone).items():
            records, are, were = (f"{count:,} records", "are", "were") if count != 1 else ("1 record", "is", "was")
            self._events.tell(
                self._clock.now_ms(),
                str(partition.tp),
                f"{partition.tp}: {records} of {book.name} {were} acknowledged with acks={book.acks or '?'} and {are} "
                f"gone: the log of broker {partition.broker_id}, which leads now, never had them.",
                Tone.LOSS,
            )

    async def _read(self, partition: Partition, offset: int) -> tuple[There, int]:
        """Whose records lie from `offset` on, and the offset up to which that was read."""
        there: There = {}
        end = offset
        for batch in await partition.log.read(offset, READ_BYTES):
            end = BatchHeader.parse(batch).last_offset + 1
            for record in read_records(batch, *partition.tp, offset):
                mark = mark_of(record.headers)
                there[record.offset] = (self._ledger.book_of(mark[0]).index, mark[1]) if mark else (0, 0)
        return there, end

    # Not acknowledged, and perhaps there all the same

    async def _search(self, served: dict[TopicPartition, Partition]) -> None:
        undecided = self._ledger.undecided()
        for name, books in undecided.items():
            topic = self._nodes.controller.topics.get(name)
            if topic is None:
                continue
            through = True
            for state in topic.partitions:
                partition = served.get(TopicPartition(name, state.partition))
                through = partition is not None and await self._scanned(partition, books) and through
            if through:
                for book in books:
                    book.decide(self._looked_ms - GRACE_MS)

    async def _scanned(self, partition: Partition, books: list[ProducerBook]) -> bool:
        """Look for them in one partition; whether all is searched that its leader had at the last look."""
        tp, known = partition.tp, self._known[partition.tp]
        first = max(min(book.lies_behind(tp) for book in books), partition.log.log_start_offset)
        if not 0 <= known.scan_from <= first <= known.scanned:
            known.scan_from = known.scanned = first
        up_to = min(partition.high_watermark, partition.log.flushed_offset)
        try:
            while known.scanned < up_to:
                there, known.scanned = await self._read(partition, known.scanned)
                for index, sequence in there.values():
                    book = self._ledger.book_at(index)
                    if book is not None:
                        book.seen(sequence)
        except KafkaError:
            return False  # its leader has just gone; another look follows
        return up_to >= known.end

    # Groups

    async def _count(self, book: GroupBook, partition: Partition) -> None:
        """Count what a group's processors wrote, as a reader of committed records finds it."""
        tp, log = partition.tp, partition.log
        try:
            while (at := max(book.outputs.get(tp, 0), log.log_start_offset)) < (end := partition.last_stable_offset):
                batches = await log.read(at, READ_BYTES, up_to=end)
                if not batches:
                    return
                behind = BatchHeader.parse(batches[-1]).last_offset + 1
                skipped = of_aborted(batches, partition.producers.transactions.aborted_between(at, behind))
                for batch, aborted in zip(batches, skipped, strict=True):
                    if not aborted:
                        book.written(tp, read_records(batch, *tp, at))
                book.outputs[tp] = behind
        except KafkaError:
            return  # its leader has just gone; another look follows

    def _reach(self, groups: Iterable[GroupView]) -> None:
        for group in groups:
            strangers = {each.member_id for each in group.members if each.host != INSIDE}
            for standing in group.offsets:
                if standing.committed is None:
                    continue
                position, place = standing.position, (group.group_id, standing.tp)
                reached = standing.committed if position is None else min(standing.committed, position)
                if standing.owner in strangers:
                    self._unseen.add(place)
                if place in self._unseen:
                    self._ledger.passed(*place, reached)
                else:
                    self._ledger.reached(*place, reached)
                if standing.owner is not None and standing.owner not in strangers:
                    self._unseen.discard(place)  # what was committed before it came was still the stranger's
