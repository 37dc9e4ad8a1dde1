"""What an action is, and how the table of them is asked: which one a key means here, and why one is disabled.

Lower case is safe, upper case destructive. An action's `where` names modes ("lab") and kinds of panel
("lab.members"); without any it works everywhere. The narrowest place wins a key: panel, then mode, then everywhere.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.snapshot import World
from tui.scene import Scene
from tui.selection import Selection
from tui.verbs import Lab

if TYPE_CHECKING:
    from tui.app import Kafkarium
    from tui.modes.base import Mode
    from tui.panels.panel import Panel


@dataclass(frozen=True, slots=True)
class Context:
    """Where an action is run: the app, the mode, the focused panel, and what is selected in it."""

    app: Kafkarium
    mode: Mode
    panel: Panel | None
    scene: Scene
    selection: Selection | None

    @property
    def lab(self) -> Lab:
        """The open lab, whose verbs actions call."""
        return self.app.lab

    @property
    def world(self) -> World:
        """The world when the key was pressed."""
        return self.scene.world

    @property
    def places(self) -> tuple[str, ...]:
        """The names of where we are, narrowest first."""
        return (*((self.panel.kind,) if self.panel else ()), self.mode.kind)


def always(_: Context) -> str:
    """Enabled whatever is selected."""
    return ""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do."""

    id: str
    keys: tuple[str, ...]
    """As a person writes them: "n", "X", "+", "space", "ctrl+s", "enter", "up"."""
    label: str
    """A word or two, for the footer and the palette."""
    help: str
    """A sentence that says what it does and what follows."""
    run: Callable[[Context], Awaitable[None]] = field(repr=False)
    where: tuple[str, ...] = ()
    enabled: Callable[[Context], str] = field(default=always, repr=False)
    """Empty, or why it is disabled: a sentence."""
    destructive: bool = False
    priority: int = 0
    """Its place in the footer: the highest first; 0 keeps it out."""
    pair: str = ""
    """What it does together with its opposite, which says the same: the two share a place in the footer."""

    @property
    def key(self) -> str:
        """The key that is shown for it; empty when it has none."""
        return self.keys[0] if self.keys else ""


class ActionTable:
    """All actions. ValueError when two have one id, or claim one key in one place."""

    def __init__(self, actions: Iterable[Action]) -> None:
        self.actions = tuple(actions)
        self._by_id: dict[str, Action] = {}
        self._by_key: dict[tuple[str, str], Action] = {}
        for action in self.actions:
            if self._by_id.setdefault(action.id, action) is not action:
                raise ValueError(f"two actions are called {action.id!r}")
            for place in action.where or ("",):
                for key in action.keys:
                    other = self._by_key.setdefault((place, key), action)
                    if other is not action:
                        raise ValueError(f"{key!r} in {place or 'every place'} is both {other.id!r} and {action.id!r}")

    def __getitem__(self, action_id: str) -> Action:
        """The action of that id."""
        return self._by_id[action_id]

    def at(self, places: Iterable[str]) -> tuple[Action, ...]:
        """What can be done in these places, in the table's order; actions whose every key is taken are left out."""
        places = tuple(places)
        here = (action for action in self.actions if not action.where or any(p in action.where for p in places))
        return tuple(
            action
            for action in here
            if not action.keys or any(self.for_key(key, places) is action for key in action.keys)
        )

    def for_key(self, key: str, places: Iterable[str]) -> Action | None:
        """What a key means in these places, narrowest first."""
        for place in (*places, ""):
            if (place, key) in self._by_key:
                return self._by_key[place, key]
        return None


_SHOWN = {
    "up": "↑", "down": "↓", "left": "←", "right": "→", "escape": "esc", "pageup": "pgup",
    "pagedown": "pgdn",
}  # fmt: skip


def shown(key: str) -> str:
    """A key as footer, help and palette write it."""
    return _SHOWN.get(key, key.replace("ctrl+", "^"))
