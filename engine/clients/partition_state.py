"""One partition that is assigned to a consumer: how far it has been handed out, and what was fetched ahead of that.

After `TopicPartitionState` of `org.apache.kafka.clients.consumer.internals.SubscriptionState`. Its records wait here as
the batches they came in, and are decoded when they are asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from engine.clients.metadata import Leading
from engine.errors import KafkaError, RecordDeserializationError
from engine.records import BatchHeader, ConsumerRecord, read_records
from engine.types import TopicPartition

Transform = Callable[[ConsumerRecord], ConsumerRecord]
"""From a record of bytes to what an application wants of it."""


class PartitionState:
    """One assigned partition. Offsets are of the next record: `position` to hand out, `processed` known to be done."""

    __slots__ = (
        "_batches",
        "_came",
        "_end",
        "_epoch",
        "_records",
        "_taken",
        "_upto",
        "_valid_for",
        "awaiting_validation",
        "epoch",
        "high_watermark",
        "last_stable_offset",
        "log_start_offset",
        "paused",
        "position",
        "processed",
        "processed_epoch",
        "reset",
        "retry_at_ms",
        "revoking",
        "tp",
    )

    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.position: int | None = None
        self.processed: int | None = None
        """`position` as it was when the application last asked for more; what it was given before that is done."""
        self.epoch = self.processed_epoch = -1
        """The leader epochs of the records before these two, -1 where they are not known (KIP-320)."""
        self.reset: str | None = None
        """"earliest" or "latest" while the position is to be looked up so, whatever is committed."""
        self.paused = False
        self.revoking = False
        """Whether it is being given up: nothing of it is handed out any more."""
        self.retry_at_ms = 0.0
        self.high_watermark: int | None = None
        self.last_stable_offset: int | None = None
        self.log_start_offset: int | None = None
        self._batches: deque[tuple[bytes, bool]] = deque()
        """What is to be decoded, and whether it belongs to an aborted transaction."""
        self._came = 0
        self._end = 0
        self._records: list[ConsumerRecord] = []
        self._taken = 0
        self._upto = 0
        self._epoch = -1
        self._valid_for: Leading | None = None
        """The leader, and its epoch, in whose log the position lies."""
        self.awaiting_validation = False
        """Whether a new leader has yet to say that the position lies in its log."""

    @property
    def buffered(self) -> bool:
        """Whether there is something to hand out, or to look into at least."""
        return bool(self._batches) or self._taken < len(self._records)

    @property
    def hungry(self) -> bool:
        """Whether more should be fetched: at most half of what came last is still to be looked into."""
        return 2 * len(self._batches) <= self._came

    @property
    def fetch_from(self) -> int:
        """Where the next fetch goes on; -1 without a position."""
        return self._end if self.buffered else -1 if self.position is None else self.position

    def arrived(self, batches: Sequence[bytes], aborted: Sequence[tuple[int, int]] = ()) -> None:
        """These follow what is here already; of `aborted` transactions (producer id, first offset) nothing is read."""
        if aborted:
            self._batches.extend(zip(batches, of_aborted(batches, aborted), strict=True))
        else:
            self._batches.extend((batch, False) for batch in batches)
        self._came = len(batches)
        self._end = BatchHeader.parse(batches[-1]).last_offset + 1

    @property
    def handed_out(self) -> bool:
        """Whether its records may be given to the application."""
        return not self.paused and not self.revoking

    def led_by(self, leading: Leading) -> bool:
        """Whether it may be fetched from this leader; if not, it waits to be `validated` (KIP-320).

        That is so for every other leader, or epoch, than the one in whose log the position was known to lie, as far as
        the epoch of the record before it is known; what came from the one before is dropped.
        """
        if self._valid_for != leading and self.epoch >= 0 and leading[1] >= 0:
            self._drop()
            self.awaiting_validation = True
            return False
        self.validated(leading)
        return True

    def validated(self, leading: Leading) -> None:
        """The position lies in this leader's log."""
        self._valid_for, self.awaiting_validation = leading, False

    def seek(self, offset: int, epoch: int = -1) -> None:
        """Hand out `offset` next, after a record of leader epoch `epoch`; what was fetched is dropped."""
        self._drop()
        self._valid_for, self.awaiting_validation = None, False
        self.position = self.processed = offset
        self.epoch = self.processed_epoch = epoch
        self.reset = None
        self.retry_at_ms = 0.0

    def forget_position(self, reset: str | None) -> None:
        """Look the position up anew: by `reset`, or as at the beginning for None."""
        self._drop()
        self._valid_for, self.awaiting_validation = None, False
        self.position = self.processed = None
        self.epoch = self.processed_epoch = -1
        self.reset = reset
        self.retry_at_ms = 0.0

    def epoch_before(self, offset: int) -> int:
        """The leader epoch of the record before `offset`, -1 where it is not known for certain."""
        if self.position is None or self.processed is None:
            return -1
        sure = offset == self.position or (
            self.processed <= offset < self.position and self.processed_epoch == self.epoch
        )
        return self.epoch if sure else -1

    def done(self) -> None:
        """The application is done with everything it was given."""
        self.processed, self.processed_epoch = self.position, self.epoch

    def take(self, limit: int, transform: Transform | None) -> list[ConsumerRecord]:
        """Up to `limit` records from the position on; raises KafkaError when the first of them cannot be read.

        RecordDeserializationError, if it is `transform` that does not take it.
        """
        taken: list[ConsumerRecord] = []
        while len(taken) < limit:
            if self._taken >= len(self._records):
                try:
                    if not self._decode_next():
                        break
                except KafkaError as error:
                    if taken:
                        break  # what could be read first; the error comes with the next call
                    raise type(error)(
                        f"The records of {self.tp} from offset {self.position} on cannot be read: {error} "
                        "Seek past them to go on."
                    ) from error
                continue
            part = self._records[self._taken : self._taken + limit - len(taken)]
            refused: RecordDeserializationError | None = None
            if transform is not None:
                part, refused = transformed(part, transform)
            self._pass_over(part)
            taken = taken + part if taken else part
            if refused is not None:
                if not taken:
                    raise refused
                break
        return taken

    def _pass_over(self, part: list[ConsumerRecord]) -> None:
        if part:
            self._taken += len(part)
            done = self._taken >= len(self._records)
            self.position, self.epoch = self._upto if done else part[-1].offset + 1, self._epoch

    def _decode_next(self) -> bool:
        """Make the next batch's records ready; False when no batch is left."""
        if not self._batches:
            return False
        batch, aborted = self._batches[0]
        position = self.position or 0
        self._records = [] if aborted else read_records(batch, self.tp.topic, self.tp.partition, position)
        self._taken = 0
        header = BatchHeader.parse(batch)
        self._upto, self._epoch = max(position, header.last_offset + 1), header.leader_epoch
        self._batches.popleft()
        if not self._records:
            self.position, self.epoch = self._upto, self._epoch  # compacted away, aborted, or a transaction's marker
        return True

    def _drop(self) -> None:
        self._batches.clear()
        self._came = 0
        self._records = []
        self._taken = 0


def transformed(
    records: Sequence[ConsumerRecord], transform: Transform
) -> tuple[list[ConsumerRecord], RecordDeserializationError | None]:
    """The records up to the first that `transform` refuses, and why it does (`RecordDeserializationException`)."""
    done: list[ConsumerRecord] = []
    for record in records:
        try:
            done.append(transform(record))
        except Exception as error:  # whatever an application's own code may raise
            refused = RecordDeserializationError(
                f"The record of {record.topic}-{record.partition} at offset {record.offset} could not be deserialized: "
                f"{error!r}. Seek past it to go on."
            )
            refused.__cause__ = error
            return done, refused
    return done, None


def of_aborted(batches: Sequence[bytes], aborted: Sequence[tuple[int, int]]) -> list[bool]:
    """Which of these batches belong to aborted transactions, of which a broker told producer id and first offset.

    After `CompletedFetch.nextFetchedRecord`: one begins with its first offset and ends with its producer's marker.
    """
    to_come = sorted(aborted, key=lambda it: it[1], reverse=True)
    begun: set[int] = set()
    answer = []
    for header in map(BatchHeader.parse, batches):
        while to_come and to_come[-1][1] <= header.last_offset:
            begun.add(to_come.pop()[0])
        if header.is_control:
            begun.discard(header.producer_id)
        answer.append(header.is_transactional and not header.is_control and header.producer_id in begun)
    return answer
