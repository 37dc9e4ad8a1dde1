"""What panels are given to paint: the world, what happened, and what the person has chosen to look at."""

from __future__ import annotations

from dataclasses import dataclass

from engine.events import Event
from engine.snapshot import GroupView, TopicView, World
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class Written:
    """A record that a person wrote by hand; `offset` is -1 where nobody was told (acks=0)."""

    tp: TopicPartition
    offset: int
    key: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """The topic and the group looked at, by name; the same in every mode. Empty: whatever comes first."""

    topic: str = ""
    group: str = ""
    partition: TopicPartition | None = None
    """The partition a person asked to read; None: whatever the mode is at."""
    offset: int | None = None
    """The offset in it."""
    written: Written | None = None
    """What was last written by hand."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One instant, as panels paint it."""

    world: World
    events: tuple[Event, ...] = ()
    """The last of what happened, newest last."""
    look: Look = Look()

    @property
    def topic(self) -> TopicView | None:
        """The topic looked at: the chosen one, else the first that is not internal, else the first."""
        chosen = self.world.topic(self.look.topic)
        if chosen is not None:
            return chosen
        return next((topic for topic in self.world.topics if not topic.internal), next(iter(self.world.topics), None))

    @property
    def groups(self) -> tuple[GroupView, ...]:
        """The groups that have to do with the topic looked at."""
        topic = self.topic
        return self.world.groups_of(topic.name) if topic else self.world.groups

    @property
    def group(self) -> GroupView | None:
        """The group looked at: the chosen one, else the first that reads the topic looked at, else the first."""
        chosen = self.world.group(self.look.group)
        if chosen is not None:
            return chosen
        return next(iter(self.groups), next(iter(self.world.groups), None))
