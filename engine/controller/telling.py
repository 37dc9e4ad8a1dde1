"""What the controller's decisions are told as: who leads, from whom, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from engine.clock import Clock
from engine.controller.image import Topic
from engine.errors import KafkaStorageError
from engine.events import EventLog, Tone
from engine.messages import ElectionType, PartitionMetadata
from engine.types import TopicPartition
from engine.wording import plural

MOST_SHOWN = 4
"""Elections told one by one, besides those that cost something."""

States = Mapping[TopicPartition, PartitionMetadata]


class Telling:
    """Publishes one sentence for each thing that happened to a broker or an ISR."""

    def __init__(self, events: EventLog, clock: Clock) -> None:
        self.records_in: Callable[[str], int] = lambda topic: 0
        """How many records a topic holds, as far as whoever watches the world can see."""
        self.lost: Callable[[TopicPartition, int], tuple[int, int]] = lambda tp, leader: (0, 0)
        """How many records a new leader lacks: of those acknowledged with acks=1 alone, and of those committed."""
        self._events = events
        self._clock = clock

    def created(self, topic: Topic, *, unasked: bool) -> None:
        """A topic was made, by a person or because a client named it."""
        count = len(topic.partitions)
        why = ": a client asked for it, and auto.create.topics.enable is on" if unasked else ", spread over the brokers"
        text = f"Topic {topic.name} was created with {plural(count, 'partition')}{why}."
        self._tell(topic.name, text, Tone.GOOD)

    def deleted(self, topic: Topic, records: int) -> None:
        """A topic is gone."""
        text = f"Topic {topic.name} was deleted: {plural(records, 'record')} and every group's offsets in it are gone."
        self._tell(topic.name, text, Tone.LOSS)

    def grown(self, before: Topic, after: Topic) -> None:
        """A topic has more partitions."""
        text = (
            f"{after.name} grew from {len(before.partitions)} to {len(after.partitions)} partitions. Keys are spread "
            "anew from now on: a key's older records stay where they were, so its order holds only from here."
        )
        self._tell(after.name, text, Tone.WARNING)

    def configured(self, topic: Topic, changes: Mapping[str, str | None]) -> None:
        """Settings of a topic were set or put back."""
        words = ", ".join(
            f"{key}={_short(str(value))}" if value is not None else f"{key} back to its default"
            for key, value in changes.items()
        )
        self._tell(topic.name, f"{topic.name}: {words}.", Tone.CHANGE)

    def broker_gone(self, broker_id: int, why: str, before: States, after: States) -> None:
        """A broker stopped, or fell silent until its session ran out."""
        said = {
            "stopped": f"Broker {broker_id} stopped cleanly, after handing on what it led.",
            "silent": f"Broker {broker_id} has been silent for its whole session, so the controller takes it for dead.",
        }[why]
        elections, cost = self._elections(before, after)
        tone = Tone.LOSS if cost else Tone.CHANGE if why == "stopped" else Tone.WARNING
        self._tell(f"broker-{broker_id}", f"{said} {elections}", tone)

    def broker_came(self, broker_id: int, before: States, after: States) -> None:
        """A broker is alive again."""
        text = f"Broker {broker_id} is alive. It copies what it missed before it counts as in sync. "
        elections, cost = self._elections(before, after)
        self._tell(f"broker-{broker_id}", text + elections, Tone.LOSS if cost else Tone.GOOD)

    def elected(self, kind: ElectionType, before: States, after: States) -> None:
        """Somebody asked for elections: leadership went back to where it belongs, or to whoever is alive."""
        if kind is ElectionType.PREFERRED:
            text = f"Preferred leaders were elected. {self._elections(before, after)[0]}"
            self._tell("controller", text, Tone.CHANGE)
        else:
            text = f"Unclean leaders were elected: what they lack is lost. {self._elections(before, after)[0]}"
            self._tell("controller", text, Tone.LOSS)

    def moving(self, tp: TopicPartition, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """A partition is to lie on other brokers."""
        text = (
            f"{tp} moves from brokers {_list(before)} to {_list(after)}: the new ones copy it first, "
            "then the old ones let it go."
        )
        self._tell(str(tp), text, Tone.CHANGE)

    def called_off(self, tp: TopicPartition, state: PartitionMetadata) -> None:
        """It stays where it was after all."""
        self._tell(str(tp), f"{tp} stays on brokers {_list(state.replicas)}: its move was called off.", Tone.CHANGE)

    def moved(self, tp: TopicPartition, state: PartitionMetadata) -> None:
        """It does now."""
        text = f"{tp} has moved: brokers {_list(state.replicas)} hold it, broker {state.leader} leads."
        self._tell(str(tp), text, Tone.GOOD)

    def isr_changed(self, tp: TopicPartition, before: PartitionMetadata, after: PartitionMetadata) -> None:
        """A leader saw a follower fall behind or catch up."""
        if tp.topic.startswith("__"):
            return
        left, came = set(before.isr) - set(after.isr), set(after.isr) - set(before.isr)
        left &= set(after.replicas)  # who holds it no more does not lag
        isr = _list(after.isr)
        for broker_id in sorted(left):
            text = f"{tp}: broker {broker_id} lags and is out of sync; the ISR is {isr}."
            self._tell(str(tp), text, Tone.WARNING)
        for broker_id in sorted(came):
            text = f"{tp}: broker {broker_id} has caught up and is in sync again; the ISR is {isr}."
            self._tell(str(tp), text, Tone.GOOD)

    def not_stored(self, error: KafkaStorageError) -> None:
        """Something that was decided could not be kept, so nobody has been told of it; it is tried again."""
        self._tell("controller", f"The controller could not store what it decided. {error}", Tone.WARNING)

    def _elections(self, before: States, after: States) -> tuple[str, int]:
        """Who leads what now and what it cost, in words; and how many records that was. Internal partitions are only
        counted."""
        moved = [tp for tp in before if after[tp].leader != before[tp].leader]
        shown = [tp for tp in moved if not tp.topic.startswith("__")]
        parts, gone = [], 0
        for number, tp in enumerate(shown):
            leader, was = after[tp].leader, before[tp].leader
            alone, committed = self.lost(tp, leader) if leader is not None else (0, 0)
            gone += alone + committed
            if leader is None:
                said = f"{tp} has no leader: no replica in sync is alive"
            else:
                came_from = f"was {was}" if was is not None else "had none"
                said = f"{tp}: broker {leader} leads (epoch {after[tp].leader_epoch}), {came_from}"
            if number < MOST_SHOWN or alone or committed:
                parts.append(said + _cost(alone, committed))
        if len(shown) > len(parts):
            parts.append(f"{plural(len(shown) - len(parts), 'more partition')} changed their leader")
        elected = any(after[tp].leader is not None for tp in shown)
        internal = Counter(tp.topic for tp in moved if tp.topic.startswith("__"))
        parts += [f"{plural(count, 'partition')} of {topic} too" for topic, count in internal.items()]
        if not parts:
            return "No leader changed.", 0
        whole = "" if gone or not elected else " Nothing that was acknowledged is lost."
        return "; ".join(parts) + "." + whole, gone

    def _tell(self, subject: str, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), subject, text.strip(), how)


def _short(value: str, most: int = 60) -> str:
    return value if len(value) <= most else f"{value[: most - 1]}…"


def _list(brokers: tuple[int, ...]) -> str:
    return ", ".join(map(str, brokers))


def _cost(alone: int, committed: int) -> str:
    """What an election lost, in words."""
    lost = []
    if alone:
        lost.append(f"{_records(alone)} acknowledged with acks=1 had not been copied and {_are(alone)} gone")
    if committed:
        lost.append(
            f"{_records(committed)} that every replica in sync had {_are(committed)} gone, for this one was not"
        )
    return "".join(f", and {each}" for each in lost)


def _records(count: int) -> str:
    return f"{count:,} record{'s' if count != 1 else ''}"


def _are(count: int) -> str:
    return "are" if count != 1 else "is"
