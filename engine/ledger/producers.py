"""What became of one producer's records on the way into the log."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from engine.ledger.marks import EXAMPLES, Bytes, name_bytes
from engine.ledger.partitions import PartitionBook
from engine.snapshot import LedgerRecord, ProducerLedger
from engine.types import TopicPartition

ACKED, LOST, MISSING = 1, 2, 4
UNDECIDED = 500_000
"""How many records without an acknowledgement are looked for at a time; what is beyond stays uncertain."""
_HISTORY = 200

Place = tuple[TopicPartition, int]
Ends = Mapping[TopicPartition, int]


class ProducerBook:
    """One producer's page. `sent` and `next` are set by whoever sends; the rest follows from what is told.

    A record whose sending ended without an acknowledgement is undecided until the logs have been searched for it.
    """

    def __init__(
        self, name: str, index: int = 1, partitions: dict[TopicPartition, PartitionBook] | None = None
    ) -> None:
        self.name = name
        self.header = name_bytes(name)
        self.index = index
        self.topic = ""
        self.acks = ""
        self.sent = 0
        self.next = 0
        """The next sequence."""
        self.acked = self.lost_acked = self.lost_unacked = 0
        self.aborted = 0
        """Records of transactions that were aborted: they are stored, and count for nothing."""
        self.flags = Bytes()
        self.since = 0
        """Records are named from this sequence on; what was before is in the figures alone."""
        self.undecided: dict[int, float] = {}
        """Sequences that may or may not be in a log, and when their sending ended (lab ms)."""
        self.gone: dict[int, Place] = {}
        self.missing: dict[int, float] = {}
        self._recent: deque[tuple[Sequence[int], TopicPartition, int]] = deque(maxlen=EXAMPLES)
        """The newest batches acknowledged, and where."""
        self._partitions = partitions if partitions is not None else {}
        self._history: deque[tuple[int, Ends]] = deque([(0, {})], maxlen=_HISTORY)
        self._view: ProducerLedger | None = None

    # What is told

    def acknowledged(self, sequences: Sequence[int], tp: TopicPartition, base_offset: int, now_ms: float) -> None:
        """These, in ascending order, lie from `base_offset` on; -1, with acks=0, acknowledges nothing."""
        if base_offset < 0:
            self.unanswered(sequences, now_ms)
            return
        since, data = self.flags.since, self.flags.data
        if sequences[-1] >= since + len(data):
            self.flags.place(sequences[-1])
            since = self.flags.since
        for sequence in sequences:
            if sequence >= since:
                data[sequence - since] |= ACKED
                self.acked += 1
        partition = self._partitions.get(tp)
        if partition is None:
            partition = self._partitions[tp] = PartitionBook(tp)
        partition.acknowledged(base_offset, self.index, sequences)
        self._recent.append((sequences, tp, base_offset))

    def unanswered(self, sequences: Iterable[int], now_ms: float) -> None:
        """Their sending ended without an acknowledgement."""
        for sequence in sequences:
            if len(self.undecided) < UNDECIDED:
                self.undecided[sequence] = now_ms

    def lost(self, sequence: int, tp: TopicPartition, offset: int) -> bool:
        """It was acknowledged, and is no longer where it was; whether that is news."""
        at = self.flags.place(sequence)
        if at < 0 or self.flags.data[at] & LOST:
            return False
        self.flags.data[at] |= LOST
        self.lost_acked += 1
        if len(self.gone) < EXAMPLES:
            self.gone[sequence] = (tp, offset)
        return True

    def seen(self, sequence: int) -> None:
        """It lies in a log."""
        if self.undecided.pop(sequence, None) is not None or not self.lost_unacked:
            return
        at = self.flags.place(sequence)
        if at >= 0 and self.flags.data[at] & MISSING:
            self.flags.data[at] &= ~MISSING & 0xFF
            self.lost_unacked -= 1
            self.missing.pop(sequence, None)

    def decide(self, before_ms: float) -> int:
        """All logs were searched: what ended before that time and was not seen is lost; how many that are."""
        found = [sequence for sequence, ended in self.undecided.items() if ended <= before_ms]
        for sequence in found:
            ended = self.undecided.pop(sequence)
            at = self.flags.place(sequence)
            if at < 0 or self.flags.data[at] & MISSING:
                continue
            self.flags.data[at] |= MISSING
            self.lost_unacked += 1
            if len(self.missing) < EXAMPLES:
                self.missing[sequence] = ended
        return len(found)

    # Where to search

    def passing(self, ends: Ends) -> None:
        """The logs end there now: what is sent from now on can only lie behind."""
        if self._history[-1][0] == self.next:
            self._history[-1] = (self.next, ends)
        else:
            self._history.append((self.next, ends))

    def lies_behind(self, tp: TopicPartition) -> int:
        """No undecided record lies before this offset."""
        if not self.undecided:
            return 0
        at = bisect_right(self._history, min(self.undecided), key=lambda entry: entry[0]) - 1
        return self._history[max(0, at)][1].get(tp, 0)

    # What is

    def view(self) -> ProducerLedger:
        """The figures; the same object while they stay the same."""
        view = ProducerLedger(
            self.name,
            self.acks,
            self.sent,
            self.acked,
            self.lost_acked,
            self.lost_unacked,
            max(self.since, self.flags.since),
            self.aborted,
        )
        if view != self._view:
            self._view = view
        assert self._view is not None
        return self._view

    def behind(self, column: str) -> list[LedgerRecord]:
        """Some hundreds of the records a figure counts."""
        name = self.name
        match column:
            case "sent":
                first = max(self.since, self.next - EXAMPLES)
                return [LedgerRecord(name, sequence, None, -1) for sequence in range(first, self.next)]
            case "acked":
                records = [
                    LedgerRecord(name, sequence, tp, base + at)
                    for sequences, tp, base in self._recent
                    for at, sequence in enumerate(sequences)
                ]
                return records[-EXAMPLES:]
            case "lost_acked":
                return [LedgerRecord(name, seq, *place) for seq, place in sorted(self.gone.items())]
            case "lost_unacked":
                return [LedgerRecord(name, seq, None, -1) for seq in islice(sorted(self.missing), EXAMPLES)]
        return []

    # Keeping

    def kept(self) -> list[int | str]:
        """The figures as plain values."""
        figures: list[int | str] = [self.next, self.sent, self.acked, self.lost_acked, self.lost_unacked]
        return [*figures, self.acks, self.topic, self.aborted]

    def recall(self, kept: Iterable[int | str]) -> None:
        """Go on from figures that were kept."""
        figures: list[Any] = [*kept, 0]  # labs of before transactions end with the topic
        (
            self.next,
            self.sent,
            self.acked,
            self.lost_acked,
            self.lost_unacked,
            self.acks,
            self.topic,
            self.aborted,
            *_,
        ) = figures
        self.since = self.next
        self.flags = Bytes(self.next)
