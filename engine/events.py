"""What happened: one frozen event for each thing that changed the world, never one for each record.

Each says in one plain sentence what happened, why, and what follows. `at_ms` is lab time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from engine.snapshot import GroupProtocol, Rebalance
from engine.wording import plural


class Tone(Enum):
    """How a person should take it."""

    INFO = "info"
    GOOD = "good"
    CHANGE = "change"
    WARNING = "warning"
    LOSS = "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened at `at_ms`. `subject` is what it happened to: a group, topic, client or broker."""

    at_ms: float
    subject: str = ""

    @property
    def tone(self) -> Tone:
        """How a person should take it."""
        return Tone.INFO

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(Event):
    """Something that needs no figures of its own but the sentence: topics, clients, the clock."""

    text: str
    how: Tone = Tone.INFO

    @property
    def tone(self) -> Tone:
        """How a person should take it."""
        return self.how

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined(Event):
    """A member asked to be in a group; `subject` is the group."""

    member: str
    size: int
    static: bool = False

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        kind = "static member " if self.static else ""
        follows = "It is the first." if self.size == 1 else f"{self.size} members share the partitions from now on."
        return f"{kind}{self.member} joined {self.subject}. {follows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberLeft(Event):
    """A member is gone; `why` is a clause: "closed cleanly", "its session of 10.0 s ran out"."""

    member: str
    why: str
    expected: bool
    """Whether it said goodbye itself."""
    remaining: int = 1
    """How many members are left."""

    @property
    def tone(self) -> Tone:
        """A farewell is a change, a silence a warning."""
        return Tone.CHANGE if self.expected else Tone.WARNING

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        verb = "left" if self.expected else "was dropped from"
        follows = "Its partitions go to the others." if self.remaining else "Nobody is left to serve its partitions."
        return f"{self.member} {verb} {self.subject}: {self.why}. {follows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceStarted(Event):
    """A group prepares a rebalance; `subject` is the group, `cause` a clause."""

    cause: str
    generation: int
    cooperative: bool
    assignor: str
    members: int
    protocol: GroupProtocol = GroupProtocol.CLASSIC

    @property
    def tone(self) -> Tone:
        """A change is under way."""
        return Tone.CHANGE

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        if self.protocol is GroupProtocol.CONSUMER:
            follows = (
                f"Only what moves stops; the others go on ({self.assignor}, decided by the coordinator)"
                if self.members
                else "Nobody is left, so it is empty"
            )
            return f"{self.subject} enters epoch {self.generation}: {self.cause}. {follows}."
        if not self.assignor:
            first = "first assignment" + (", cooperative" if self.cooperative else "")
            return f"{self.subject} rebalances: {self.cause}. It waits a moment for more members ({first})."
        how = f"{'cooperative' if self.cooperative else 'eager'}, {self.assignor}"
        if not self.members:
            return f"{self.subject} rebalances: {self.cause}. Nobody is left, so it will be empty ({how})."
        what = (
            "Members keep working on what they keep and rejoin"
            if self.cooperative
            else "Everyone stops, gives back its partitions and rejoins"
        )
        return f"{self.subject} rebalances: {self.cause}. {what} ({how})."


@dataclass(frozen=True, slots=True, kw_only=True)
class RebalanceCompleted(Event):
    """Every partition of the new generation is served again; `subject` is the group."""

    rebalance: Rebalance

    @property
    def tone(self) -> Tone:
        """Work goes on."""
        return Tone.GOOD

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        it = self.rebalance
        counted = "epoch" if it.protocol is GroupProtocol.CONSUMER else "gen"
        head = f"{it.group_id} {counted} {it.from_generation}→{it.to_generation}: "
        if not it.moved:
            one = len(it.moves) == 1
            where = (
                "its partition stayed where it was" if one else f"all {len(it.moves)} partitions stayed where they were"
            )
            return f"{head}nothing moved; {where}."
        routes: dict[tuple[str, str], list[str]] = {}
        several = len({move.tp.topic for move in it.moves}) > 1
        for move in it.moved:
            name = str(move.tp) if several else f"P{move.tp.partition}"
            routes.setdefault((move.from_ or "nobody", move.to or "nobody"), []).append(name)
        moved = ", ".join(f"{_some(names)} {source}→{target}" for (source, target), names in routes.items())
        stayed = len(it.moves) - len(it.moved)
        tail = f"; {stayed} of {len(it.moves)} stayed" if stayed else ""
        served = any(move.to for move in it.moves)
        them = "it" if len(it.moves) == 1 else "them"
        stood = f"; nobody served {them} for {_duration(it.unserved_ms)}" if served and it.unserved_ms >= 1 else ""
        return f"{head}{moved}{tail}{stood}."


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetsChanged(Event):
    """Committed offsets of a group were set by a person; `subject` is the group."""

    again: int
    """Records that will be delivered again."""
    skipped: int
    """Records that will not be delivered."""
    partitions: int
    undone: bool = False

    @property
    def tone(self) -> Tone:
        """Skipping loses, repeating changes."""
        return Tone.WARNING if self.skipped else Tone.CHANGE

    def sentence(self) -> str:
        """What happened, why, and what follows."""
        parts = [f"{plural(self.again, 'record')} will be delivered again"] if self.again else []
        parts += [f"{plural(self.skipped, 'record')} will never be delivered to it"] if self.skipped else []
        follows = "; ".join(parts) or "nothing is repeated or skipped"
        verb = "were put back" if self.undone else "were moved"
        return f"{self.subject}: the offsets of {plural(self.partitions, 'partition')} {verb}; {follows}."


def _some(names: list[str], limit: int = 6) -> str:
    if len(names) <= limit:
        return " ".join(names)
    return " ".join(names[:limit]) + f" and {len(names) - limit} more"


def _duration(ms: float) -> str:
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


REBALANCES = 200
"""How many rebalances of each group are kept."""


class EventLog:
    """The last events of the world, in order, the last rebalances of each group, and whoever listens."""

    def __init__(self, keep: int = 2_000) -> None:
        self._events: deque[Event] = deque(maxlen=keep)
        self._listeners: list[Callable[[Event], None]] = []
        self.count = 0
        """How many there have ever been; grows by one for each."""
        self.rebalances: dict[str, deque[Rebalance]] = {}
        """By group, oldest first; they outlive a group's coordinator."""

    def publish(self, event: Event) -> None:
        """Add one and tell the listeners, in the order they came."""
        self._events.append(event)
        self.count += 1
        for listener in tuple(self._listeners):
            listener(event)

    def tell(self, at_ms: float, subject: str, text: str, how: Tone = Tone.INFO) -> None:
        """Publish a plain sentence."""
        self.publish(Told(at_ms=at_ms, subject=subject, text=text, how=how))

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` for each event from now on; returns what stops that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def recall(self, events: Iterable[Event]) -> None:
        """Put what happened before the lab was last closed in front; nobody is told again."""
        known, now = list(events), tuple(self._events)
        self._events.clear()
        self._events.extend((*known, *now))
        self.count += len(known)

    def rebalances_of(self, group_id: str) -> deque[Rebalance]:
        """The rebalances of a group so far, for its coordinator to add to."""
        return self.rebalances.setdefault(group_id, deque(maxlen=REBALANCES))

    def last(self, number: int) -> tuple[Event, ...]:
        """The newest `number` events, oldest first."""
        return tuple(self._events)[-number:] if number else ()
