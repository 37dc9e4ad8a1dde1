"""Where copies of a partition lie: moves them to other brokers, changes how many there are, and says what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.snapshot import PartitionView, TopicView
from engine.wording import plural
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values, whole
from tui.painting.text import number, size
from tui.scene import Scene
from tui.verbs import Lab

_NO_MINIMUM = "1"


def spread(brokers: Sequence[int], copies: int, turn: int) -> tuple[int, ...]:
    """The first `copies` of the brokers, begun `turn` further on, so that not all partitions begin with the same."""
    start = turn % len(brokers)
    return tuple([*brokers[start:], *brokers[:start]][:copies])


class MoveCopies(Form[int]):
    """Reassigns one partition or all of a topic; answers how many are moved."""

    heading = "Move copies"
    verb = "move"

    def __init__(self, scene: Scene, topic: TopicView, partition: PartitionView) -> None:
        super().__init__(scene)
        self._topic = topic
        self._partition = partition
        self._alive = {broker.broker_id for broker in scene.world.brokers if broker.alive}
        self._brokers = tuple(broker.broker_id for broker in scene.world.brokers)

    def title_shown(self) -> str:
        """With the partition's name."""
        return f"Move copies of {self._partition.tp}"

    def fields(self) -> Sequence[Field]:
        """Which, how many, and where."""
        now = self._partition.target or self._partition.replicas
        others = tuple(broker for broker in self._brokers if broker in self._alive and broker not in now)
        count = min(max(len(now), 3), len(now) + len(others))
        order = (*now, *others) if count > len(now) else (*now[1:], *others, *now[:1])
        one, every = f"P{self._partition.partition} alone", f"all {len(self._topic.partitions)} of {self._topic.name}"
        return (
            Field("which", "partitions", one, "This partition, or each of its topic.",
                  (one, every) if len(self._topic.partitions) > 1 else (one,)),
            Field("copies", "copies", str(count), "The replication factor: how many brokers keep each partition."),
            Field("brokers", "on brokers", ", ".join(map(str, order)),
                  "In this order; the first is the preferred leader. For several partitions each begins one further "
                  "on, so that all of them lead some."),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What is copied, who lets go, and what that is worth."""
        moves = self._moves(values)
        changed = {view: to for view, to in moves.items() if to != (view.target or view.replicas)}
        if not changed:
            raise FormError("brokers", "They lie there already; choose other brokers, or another number of copies.")
        return " ".join([self._where(changed), self._cost(changed), *self._worth(values, changed)])

    def _where(self, moves: Mapping[PartitionView, tuple[int, ...]]) -> str:
        if len(moves) > 1:
            return f"{plural(len(moves), 'partition')} will lie on other brokers."
        [(view, to)] = moves.items()
        was, will = ", ".join(map(str, view.replicas)), ", ".join(map(str, to))
        return f"P{view.partition} goes from brokers {was} to {will}; broker {to[0]} is its preferred leader."

    def _cost(self, moves: Mapping[PartitionView, tuple[int, ...]]) -> str:
        coming = [(view, broker) for view, to in moves.items() for broker in to if broker not in view.replicas]
        going = sum(broker not in to for view, to in moves.items() for broker in view.replicas)
        drop = f" {plural(going, 'old copy is', 'old copies are')} dropped then." if going else ""
        if not coming:
            return f"Nothing has to be copied.{drop}"
        records, held = sum(view.span for view, _ in coming), sum(view.size_bytes for view, _ in coming)
        told = f"{plural(records, 'record')} ({size(held)})"
        return f"{told} are copied first, while everything goes on.{drop}"

    def _worth(self, values: Values, moves: Mapping[PartitionView, tuple[int, ...]]) -> list[str]:
        copies = min(len(to) for to in moves.values())
        least = int(dict(self._topic.config).get("min.insync.replicas", _NO_MINIMUM))
        if copies < least:
            return [f"min.insync.replicas is {least}; with {number(copies)} it can only ask for that many."]
        return ["With one copy, what its broker has is lost with it."] if copies == 1 else []

    async def apply(self, values: Values, lab: Lab) -> int:
        """Move them."""
        moves = {view: to for view, to in self._moves(values).items() if to != (view.target or view.replicas)}
        for view, to in moves.items():
            await lab.controller.reassign(view.tp, to)
        return len(moves)

    def _moves(self, values: Values) -> dict[PartitionView, tuple[int, ...]]:
        brokers = self._read_brokers(values["brokers"])
        copies = whole(values, "copies", "copies", 1, len(brokers))
        several = values["which"].startswith("all")
        moves = (
            {view: spread(brokers, copies, view.partition) for view in self._topic.partitions}
            if several
            else {self._partition: spread(brokers, copies, 0)}
        )
        for view, to in moves.items():
            dead = next((each for each in to if each not in self._alive and each not in view.replicas), None)
            if dead is not None:
                raise FormError(
                    "brokers", f"Broker {dead} is down, so it cannot copy {view.tp}; start it, or leave it out."
                )
        return moves

    def _read_brokers(self, text: str) -> tuple[int, ...]:
        accepted = f"brokers by their numbers, like {', '.join(map(str, self._brokers))}"
        words = text.replace(",", " ").split()
        if not words or not all(word.isdecimal() and int(word) in self._brokers for word in words):
            raise FormError("brokers", f"Name {accepted}; {text.strip() or 'nothing'} is not that.")
        brokers = tuple(map(int, words))
        if len(set(brokers)) != len(brokers):
            raise FormError("brokers", "Name each broker once: a broker holds one copy of a partition.")
        return brokers
