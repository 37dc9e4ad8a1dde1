"""One record's way from its producer to the acknowledgement, as frozen values, and what its leader's death would mean.

Pure: `engine.cluster.tracing` finds out what these say. Who would lead next is the controller's rule: the first
assigned replica that is alive and in sync (`org.apache.kafka.controller.PartitionChangeBuilder`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.types import TopicPartition


class Stage(Enum):
    """What a step of the way is, in a word or two."""

    HANDED = "handed over"
    SENT = "sent"
    APPENDED = "at the leader"
    KNOWN = "known already"
    COPIED = "copied"
    VISIBLE = "visible"
    ACKED = "acknowledged"
    REFUSED = "refused"
    DIED = "broker down"
    BACK = "broker back"
    SYNC = "in sync"
    ELECTED = "new leader"
    CUT = "cut off"
    GIVEN_UP = "given up"


class Answer(Enum):
    """What the producer knows of its record."""

    BUFFERED = "holds it in its buffer"
    WAITING = "waits for an answer"
    ACKED = "has the acknowledgement"
    NONE = "will never be told"
    GIVEN_UP = "gave it up"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to the record (lab ms), and the broker it happened at (0: none)."""

    at_ms: float
    stage: Stage
    broker_id: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Copy:
    """One replica of the record's partition; that of a dead broker is as it was last seen."""

    broker_id: int
    alive: bool
    in_sync: bool
    log_start: int
    log_end: int
    offsets: tuple[int, ...] = ()
    """Where the record lies in it; more than one where it was stored again."""
    starting: bool = False
    """Its broker runs again, and has yet to take it up; it is not `alive` before that."""


@dataclass(frozen=True, slots=True)
class Journey:
    """Where one record is. `copies` are in the order they are assigned: the first may lead before the others."""

    tp: TopicPartition
    acks: str
    answer: Answer
    attempts: int
    """How often the producer has sent it."""
    leader: int | None
    leader_epoch: int
    high_watermark: int
    copies: tuple[Copy, ...]
    unclean: bool
    """Whether the topic lets a replica out of sync lead."""
    steps: tuple[Step, ...]
    min_insync: int = 1
    """With fewer in sync the high watermark stays where it is (KIP-966)."""
    producer: str = ""
    """Under which name the ledger counts it."""
    coming: str = ""
    """What happens next, if time passes; empty when nothing more is to come."""
    still: bool = True
    """Whether the world stands still until the next step."""

    def copy(self, broker_id: int | None) -> Copy | None:
        """A broker's replica."""
        return next((copy for copy in self.copies if copy.broker_id == broker_id), None)

    @property
    def serving(self) -> Copy | None:
        """The leader's replica; None while nobody leads, or who does is dead."""
        leader = self.copy(self.leader)
        return leader if leader is not None and leader.alive else None

    @property
    def offset(self) -> int | None:
        """Where the record lies in the log that counts, or was last seen in any."""
        leader = self.copy(self.leader)
        if leader is not None and leader.offsets:
            return leader.offsets[-1]
        return max((copy.offsets[-1] for copy in self.copies if copy.offsets), default=None)

    @property
    def visible(self) -> bool:
        """Whether consumers see it."""
        leader = self.serving
        return leader is not None and bool(leader.offsets) and leader.offsets[0] < self.high_watermark

    @property
    def pending(self) -> bool:
        """Whether its producer has no answer yet and would send it again."""
        return self.acks != "0" and self.answer in (Answer.BUFFERED, Answer.WAITING)

    @property
    def lost(self) -> bool:
        """Whether it was on its way into the log, is not in the one that counts, and nobody will send it again."""
        leader = self.serving
        past = any(step.stage in (Stage.ELECTED, Stage.REFUSED, Stage.GIVEN_UP) for step in self.steps)
        return past and leader is not None and not leader.offsets and not self.pending

    def awaited(self) -> str:
        """What happens next although nothing is held up for it; empty when nothing more is to come."""
        leader = self.serving
        if leader is None:
            copy = self.copy(self.leader)
            if copy is None:
                return "a replica in sync comes back, and leads"
            if copy.starting:
                return f"broker {self.leader} takes its partitions up, or another is elected"
            return f"the controller notices that broker {self.leader} is silent, and elects another leader"
        if not leader.offsets:
            return "the producer sends it again" if self.pending else ""
        if not self.visible:
            behind = [copy.broker_id for copy in self.copies if copy.in_sync and not copy.offsets]
            if behind:
                return f"broker {behind[0]} fetches it, or falls out of the ISR"
            if sum(copy.in_sync for copy in self.copies) < min(self.min_insync, len(self.copies)):
                return f"the high watermark moves, once min.insync.replicas ({self.min_insync}) are in sync again"
            return "the followers ask for what comes after it, and the high watermark moves"
        return "the producer gets its answer" if self.pending else ""

    def heir(self) -> Copy | None:
        """Who would lead if the leader died now: the first replica that is alive and in sync, or None."""
        others = [copy for copy in self.copies if copy.alive and copy.broker_id != self.leader]
        in_sync = [copy for copy in others if copy.in_sync]
        return next(iter(in_sync or (others if self.unclean else [])), None)


def if_leader_died(journey: Journey) -> str:
    """What would become of the record if its leader died at this instant; what is becoming of it if that is dead."""
    leader = journey.serving
    if leader is None:
        return _without_leader(journey)
    begin = f"If broker {leader.broker_id} died now: "
    return begin + (_at_leader(journey) if leader.offsets else _before_leader(journey))


def _before_leader(journey: Journey) -> str:
    if journey.pending:
        return "nothing is lost. The producer still holds the record and sends it to the next leader."
    if journey.lost:
        return "that changes nothing for this record, which is gone already."
    if journey.answer is Answer.GIVEN_UP:
        return "that changes nothing; the producer gave the record up and has said so."
    return "the record is lost on its way, and nobody ever knows, for with acks=0 the producer sends once and forgets."


def _at_leader(journey: Journey) -> str:
    heir = journey.heir()
    if heir is None:
        return (
            "no other replica in sync is alive, so nobody leads. The record lies on its disk until it comes back, and "
            "is lost with that disk."
        )
    leads = f"broker {heir.broker_id} leads next"
    if heir.offsets:
        return f"{leads} and has the record, so it survives.{_again(journey)}"
    if journey.pending:
        return f"{leads}, without the record. The producer has no answer yet, so it sends it again: nothing is lost."
    also = [copy.broker_id for copy in journey.copies if copy.offsets and copy.broker_id != journey.leader]
    wasted = f" Broker {also[0]} has it, but is not first in line and cuts it off." if also else ""
    if journey.answer is Answer.ACKED:
        return f"{leads}, without the record. It is lost, although it was acknowledged.{wasted}"
    if journey.answer is Answer.NONE:
        return f"{leads}, without the record. It is lost, and the producer never knows.{wasted}"
    return f"{leads}, without the record. The producer gave it up already.{wasted}"


def _again(journey: Journey) -> str:
    if not journey.pending:
        return ""
    if journey.acks == "all":
        return " Without an answer the producer sends it again, and the leader knows it for the same."
    return " Without an answer the producer sends it again, and it is stored twice: acks=1 is not idempotent."


def _without_leader(journey: Journey) -> str:
    leader = journey.copy(journey.leader)
    if leader is None:
        held = [str(copy.broker_id) for copy in journey.copies if copy.offsets]
        where = f" The record lies on the disk of broker {', '.join(held)}." if held else ""
        return f"Nobody leads {journey.tp}, for no replica in sync is alive.{where}"
    heir = journey.heir()
    begin = f"Broker {leader.broker_id} is dead, and the controller has yet to notice. "
    if leader.starting:
        return f"Broker {leader.broker_id} has just started, and has yet to take its partitions up."
    if heir is None:
        return f"{begin}Then nobody leads, until it comes back."
    if heir.offsets:
        return f"{begin}Then broker {heir.broker_id} leads, which has the record: it survives.{_again(journey)}"
    if journey.pending:
        return f"{begin}Then broker {heir.broker_id} leads, and the producer sends the record again."
    known = {
        Answer.ACKED: ", although it was acknowledged",
        Answer.NONE: ", and the producer will never know",
    }.get(journey.answer, "")
    return f"{begin}Then broker {heir.broker_id} leads, which does not have the record: it is lost{known}."
