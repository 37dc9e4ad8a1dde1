"""What a lesson is made of: steps that say what to do, and see in the world that it was done.

A step compares two moments, the one it began in and now. It needs nothing of whoever presses the keys, so a person may
take another way, and a lab that is far along is as good as a new one. Keys stand between backquotes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.snapshot import GroupView, TopicView, World
from tui.painting.text import clean
from tui.scene import Scene


@dataclass(frozen=True, slots=True)
class Reading:
    """How records are read: all partitions merged or one of them, and the filter as it was typed."""

    merged: bool = False
    filter: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a step can see: the scene, the mode a person looks at it in, and how records are read there."""

    scene: Scene
    mode: str
    reading: Reading = Reading()

    @property
    def world(self) -> World:
        """Everything."""
        return self.scene.world

    @property
    def topic(self) -> TopicView | None:
        """The topic looked at."""
        return self.scene.topic

    @property
    def group(self) -> GroupView | None:
        """The group looked at."""
        return self.scene.group


Seen = Callable[[Moment, Moment], str]
"""What was seen between a step's beginning and now, in words; empty while it is still to come."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and what it shows. `say` may name `{topic}`, `{group}`, `{partitions}` and their kin."""

    say: str
    seen: Seen | None = None
    """None: there is nothing to wait for; it says what else one might try."""


def nothing(_: Scene) -> str:
    """A lesson that can be taken anywhere."""
    return ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A few steps on one thought."""

    title: str
    about: str
    """The thought, in a sentence."""
    steps: tuple[Step, ...]
    needs: Callable[[Scene], str] = nothing
    """What the lab lacks for it: a sentence that says how to get it; empty when all is there."""


_MARKS = str.maketrans({"`": "ˋ", "*": "∗"})


def named(text: str) -> str:
    """A name in a lesson's words: data, in which nothing marks a key or stress."""
    return clean(text).translate(_MARKS)


def told(say: str, scene: Scene) -> str:
    """A step's words for this lab."""
    topic, group = scene.topic, scene.group
    partitions = len(topic.partitions) if topic else 0
    return say.format(
        topic=named(topic.name) if topic else "the topic",
        group=named(group.group_id) if group else "the group",
        partitions=partitions,
        one_more=partitions + 1,
    )


# What lessons need -------------------------------------------------------------------------------------------


def a_topic(scene: Scene) -> str:
    """A topic of a person's own."""
    own = scene.topic is not None and not scene.topic.internal
    return "" if own else "This lesson needs a topic: `n` `enter` makes one, `]` looks at another."


def records_that_flow(scene: Scene) -> str:
    """A topic that is written to and read."""
    lacking = a_topic(scene)
    if lacking:
        return lacking
    topic = scene.topic
    assert topic is not None
    if not any(producer.topic == topic.name for producer in scene.world.producers):
        return f"This lesson needs somebody who writes to {named(topic.name)}: `p` `enter` starts a producer."
    if not any(group.members for group in scene.groups):
        return f"This lesson needs somebody who reads {named(topic.name)}: `c` `enter` starts a consumer."
    if scene.group not in scene.groups:
        return f"This lesson needs a look at a group that reads {named(topic.name)}: `}}` looks at the next."
    return ""


def copies(scene: Scene) -> str:
    """A topic whose partitions have several copies."""
    lacking = a_topic(scene)
    if lacking:
        return lacking
    if len(scene.world.brokers) < 2:
        return "This lesson needs several brokers; this lab has one. A new lab has three."
    assert scene.topic is not None
    if scene.topic.replication_factor < 2:
        name = named(scene.topic.name)
        return f"This lesson needs copies, and {name} has one of each partition: `n` `enter` makes a topic with three."
    return ""
