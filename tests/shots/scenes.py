"""Which pictures there are: a world, the keys that lead to the picture, and what the fake answers on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shot:
    """One picture, named after its file."""

    name: str
    world: str
    keys: tuple[str, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)


SCENES = (
    *(Shot(f"lab-{world}", world) for world in ("empty", "first", "busy", "hostile")),
    *(Shot(f"records-{world}", world, ("2",)) for world in ("empty", "first", "hostile")),
    *(Shot(f"groups-{world}", world, ("3",)) for world in ("empty", "first", "busy", "hostile")),
    Shot("new-topic", "first", ("n",)),
    Shot("new-producer", "first", ("p",)),
    Shot("new-consumer", "first", ("c",)),
    Shot("new-group", "busy", ("o",)),
    Shot("one-record", "first", ("e",)),
    Shot("grow-topic", "first", ("a",)),
    Shot("topic-settings", "busy", ("i",)),
    Shot("delete-topic", "busy", ("K",)),
    Shot("refused", "first", ("n", *("backspace",) * 8, *"or ders", "enter")),
    Shot("help", "first", ("?",)),
    Shot("palette", "first", ("ctrl+p",)),
)
