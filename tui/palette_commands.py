"""What the command palette offers: every action that belongs here, disabled ones with the reason; and the themes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from tui.actions.table import Action, shown

if TYPE_CHECKING:
    from tui.app import Kafkarium
    from tui.modes.base import Mode

_HIDDEN = frozenset({"up", "down", "left", "right", "palette"})


class Actions(Provider):
    """Finds actions by name."""

    async def discover(self) -> Hits:
        """Everything, in the table's order, what is disabled last."""
        for action, why in self._here():
            yield DiscoveryHit(
                _title(action, why),
                partial(self._run, action.id),
                text=action.label,
                help=Content(why or action.help),  # type: ignore[arg-type]
            )

    async def search(self, query: str) -> Hits:
        """What matches by label or by what it does."""
        matcher = self.matcher(query)
        for action, why in self._here():
            label = _title(action, why)
            score = max(matcher.match(label.plain), 0.6 * matcher.match(action.help))
            if score > 0:
                yield Hit(
                    score,
                    label,
                    partial(self._run, action.id),
                    text=action.label,
                    help=Content(why or action.help),  # type: ignore[arg-type]
                )

    def _here(self) -> Iterator[tuple[Action, str]]:
        app, mode = cast("Kafkarium", self.app), cast("Mode", self.screen)
        context = mode.context()
        here = [
            (action, action.enabled(context) if context else "The lab is still being opened.")
            for action in app.actions.at(mode.places())
            if action.id not in _HIDDEN
        ]
        yield from (pair for pair in here if not pair[1])
        yield from (pair for pair in here if pair[1])

    def _run(self, action_id: str) -> None:
        cast("Kafkarium", self.app).perform(action_id)


class Themes(Provider):
    """Chooses among the palettes that know the lab's colours."""

    async def discover(self) -> Hits:
        """All of them."""
        for name in self._names():
            yield DiscoveryHit(name, partial(self._choose, name))

    async def search(self, query: str) -> Hits:
        """Those whose name matches."""
        matcher = self.matcher(query)
        for name in self._names():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, matcher.highlight(name), partial(self._choose, name))

    def _names(self) -> list[str]:
        return [theme.name for theme in cast("Kafkarium", self.app).themes]

    def _choose(self, name: str) -> None:
        self.app.theme = name


def _title(action: Action, why: str) -> Content:
    label = action.label[:1].upper() + action.label[1:]
    key = f"  {shown(action.key)}" if action.key else ""
    return Content.assemble((label, "$faint" if why else ""), (key, "$faint" if why else "$primary"))
