"""Sees what becomes of one marked record in the replicas of its partition, and tells each new thing in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.cluster.sightings import Sighting
from engine.errors import KafkaError
from engine.journey import Answer, Journey, Stage, Step
from engine.ledger.marks import Mark
from engine.messages import PartitionMetadata
from engine.types import TopicPartition

_KNOWN = {
    Answer.ACKED: "It is lost, although it was acknowledged.",
    Answer.NONE: "It is lost, and the producer will never know.",
    Answer.GIVEN_UP: "The producer has given it up already.",
}


class Witness:
    """`look` sees what is new; `answer` and `attempts` are set by whoever sends. `woken`: a replica has news."""

    def __init__(
        self, nodes: Nodes, clock: Clock, tp: TopicPartition, mark: Mark, acks: str, woken: Callable[[], None]
    ) -> None:
        self.tp = tp
        self.acks = acks
        self.mark = mark
        self.answer = Answer.BUFFERED
        self.attempts = 0
        self.steps: list[Step] = []
        self._nodes = nodes
        self._clock = clock
        self._woken = woken
        self._state: PartitionMetadata = nodes.controller.state_of(tp)
        self._sightings: dict[int, Sighting] = {}
        self._watermark = 0
        self._was_visible = False
        for broker_id in self._state.replicas:
            self._sighting(broker_id)

    def tell(self, stage: Stage, broker_id: int, sentence: str) -> None:
        """Write down what happened."""
        self.steps.append(Step(self._clock.now_ms(), stage, broker_id, sentence))

    def forget(self) -> None:
        """Look no more."""
        for sighting in self._sightings.values():
            sighting.forget()

    def has_news(self) -> bool:
        """Whether something may have happened to the record since the last look."""
        if any(sighting.has_news() for sighting in self._sightings.values()):
            return True
        return not self._was_visible and self.journey().visible

    def known_at(self, broker_id: int, offset: int) -> bool:
        """Whether the record was seen there before."""
        return broker_id in self._sightings and offset in self._sightings[broker_id].offsets

    async def look(self) -> None:
        """See what has become of the record, and tell each thing that is new."""
        before = self._state
        with suppress(KafkaError):  # the topic was deleted: the record is where it was last seen
            self._state = self._nodes.controller.state_of(self.tp)
        for broker_id in [each for each in self._sightings if each not in self._state.replicas]:
            self._sightings.pop(broker_id).forget()
        self._see_brokers()
        for broker_id in sorted(self._state.replicas, key=lambda each: each != self._state.leader):
            await self._see_copy(self._sighting(broker_id))
        self._see_isr(before)
        if self._state.leader != before.leader:
            self._see_leader()
        self._see_watermark()

    def _sighting(self, broker_id: int) -> Sighting:
        sighting = self._sightings.get(broker_id)
        if sighting is None:
            sighting = self._sightings[broker_id] = Sighting(broker_id, self.tp, self.mark, self._woken)
            sighting.take(self._nodes.replica(broker_id, self.tp))
        return sighting

    def _see_brokers(self) -> None:
        for broker_id in self._state.replicas:
            sighting = self._sighting(broker_id)
            was = sighting.alive
            sighting.take(self._nodes.replica(broker_id, self.tp))
            if was and not sighting.alive:
                has = " The record lies on its disk." if sighting.offsets else ""
                self.tell(Stage.DIED, broker_id, f"Broker {broker_id} is down.{has}")
            elif sighting.alive and not was:
                self.tell(Stage.BACK, broker_id, f"Broker {broker_id} is back.")

    async def _see_copy(self, sighting: Sighting) -> None:
        had = sighting.offsets
        with suppress(KafkaError):  # its broker has just gone; another look follows
            await sighting.look()
        number = sighting.broker_id
        if had and not sighting.offsets:
            cut = f"Broker {number} cut its copy back to what the leader has, and the record with it."
            self.tell(Stage.CUT, number, cut)
        for offset in [each for each in sighting.offsets if each not in had]:
            if sighting.leads:
                twice = len(sighting.offsets) > 1
                where = f"Now it lies there twice, at {sighting.offsets[0]:,} and {offset:,}." if twice else ""
                appends = f"Broker {number} appends the record at offset {offset:,}. {where}"
                self.tell(Stage.APPENDED, number, appends.strip())
            else:
                copied = f"Broker {number} fetched it from the leader and has it at offset {offset:,}, too."
                self.tell(Stage.COPIED, number, copied)

    def _see_isr(self, before: PartitionMetadata) -> None:
        left, came = set(before.isr) - set(self._state.isr), set(self._state.isr) - set(before.isr)
        if self._state.leader == before.leader:
            for broker_id in sorted(left):
                self.tell(Stage.SYNC, broker_id, f"Broker {broker_id} is out of the ISR: nobody waits for it any more.")
        for broker_id in sorted(came):
            self.tell(Stage.SYNC, broker_id, f"Broker {broker_id} is in the ISR again.")

    def _see_leader(self) -> None:
        self._was_visible = False
        leader, epoch = self._state.leader, self._state.leader_epoch
        if leader is None:
            self.tell(Stage.ELECTED, 0, f"No replica in sync is alive, so nobody leads {self.tp}.")
            return
        leads = f"Broker {leader} leads now, epoch {epoch}"
        if self._sighting(leader).offsets:
            self.tell(Stage.ELECTED, leader, f"{leads}. It has the record.")
        else:
            known = _KNOWN.get(self.answer, "The producer still has it, and sends it again.")
            self.tell(Stage.ELECTED, leader, f"{leads}, without the record. {known}")

    def _see_watermark(self) -> None:
        journey = self.journey()
        if journey.visible and not self._was_visible:
            together = sum(copy.in_sync for copy in journey.copies) > 1
            why = "Every follower in sync asks for what comes after it" if together else "Nobody else is in sync"
            moves = f"{why}, so the high watermark is {journey.high_watermark:,}: consumers see the record."
            self.tell(Stage.VISIBLE, journey.leader or 0, moves)
        self._was_visible = journey.visible

    def journey(self) -> Journey:
        """Where the record is."""
        state = self._state
        serving = self._nodes.replica(state.leader, self.tp) if state.leader is not None else None
        if serving is not None:
            self._watermark = serving.high_watermark
        topic, alive = self._nodes.controller.topics.get(self.tp.topic), self._nodes.alive
        return Journey(
            self.tp,
            self.acks,
            self.answer,
            self.attempts,
            state.leader,
            state.leader_epoch,
            self._watermark,
            tuple(self._sighting(each).copy(each in state.isr, each in alive) for each in state.replicas),
            topic is not None and topic.config.unclean_leader_election_enable,
            tuple(self.steps),
            topic.config.min_insync_replicas if topic is not None else 1,
        )
