"""Sample journeys of a record, and a trace that goes from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.journey import Answer, Copy, Journey, Stage, Step
from engine.types import TopicPartition

BEGAN = 1_700_000_000_000.0
TP = TopicPartition("orders", 2)


def _step(ms: float, stage: Stage, broker_id: int, sentence: str) -> Step:
    return Step(BEGAN + ms, stage, broker_id, sentence)


def copies(*has: int, end: int = 42, dead: Sequence[int] = ()) -> tuple[Copy, ...]:
    """Three copies that end at `end`; those in `has` have the record behind that."""
    return tuple(
        Copy(number, number not in dead, True, 0, end + (number in has), (end,) if number in has else ())
        for number in (1, 2, 3)
    )


def handed(acks: str = "1") -> Journey:
    """A record in its producer's buffer."""
    told = _step(0, Stage.HANDED, 0, "The producer has the record in its buffer. Nobody else knows of it.")
    return Journey(TP, acks, Answer.BUFFERED, 0, 1, 0, 42, copies(), False, (told,), 1, f"acks-{acks}-by-hand",
                   "the producer sends it")  # fmt: skip


def acknowledged() -> Journey:
    """The most dangerous moment of acks=1: acknowledged, and copied by nobody."""
    before = handed()
    told = (
        _step(2, Stage.SENT, 1, "The request is on its way to broker 1."),
        _step(12, Stage.APPENDED, 1, "Broker 1 appends the record at offset 42."),
        _step(12, Stage.ACKED, 0, "The producer has its acknowledgement: offset 42. The leader has it, no more is "
              "known."),
    )  # fmt: skip
    return replace(before, answer=Answer.ACKED, attempts=1, copies=copies(1), steps=(*before.steps, *told),
                   coming="broker 2 gets it from the leader")  # fmt: skip


def dead() -> Journey:
    """Its leader died right then."""
    before = acknowledged()
    told = _step(13, Stage.DIED, 1, "Broker 1 is down. The record lies on its disk.")
    return replace(before, copies=copies(1, dead=(1,)), steps=(*before.steps, told),
                   coming="the controller notices that broker 1 is silent, and elects another leader")  # fmt: skip


def lost() -> Journey:
    """Another leads, without it."""
    before = dead()
    told = _step(9_100, Stage.ELECTED, 2, "Broker 2 leads now, epoch 1, without the record. It is lost, although it "
                 "was acknowledged.")  # fmt: skip
    return replace(before, leader=2, leader_epoch=1, steps=(*before.steps, told), coming="")


class FakeTrace:
    """Goes from one journey to the next with each step, and writes down what else is asked of it."""

    def __init__(self, *journeys: Journey) -> None:
        self._journeys = list(journeys)
        self.asked: list[str] = []

    @property
    def journey(self) -> Journey:
        """Where the record is."""
        return self._journeys[0]

    async def step(self) -> None:
        """On to the next; the last stays."""
        self.asked.append("step")
        self.go_on()

    def go_on(self) -> None:
        """As if something had happened."""
        if len(self._journeys) > 1:
            del self._journeys[0]

    def run_on(self) -> None:
        """Time passes."""
        self.asked.append("run on")
        self._journeys[0] = replace(self.journey, still=False)

    async def end(self) -> None:
        """Followed no more."""
        self.asked.append("end")
