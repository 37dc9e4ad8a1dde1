"""The rebalance under the cursor in full, beside the history, where the terminal is wide enough for both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import GroupProtocol, Rebalance, label_of
from tui.painting.groups.lessons import lesson_of
from tui.painting.groups.rebalance_page import paint_lesson, paint_rebalance_page
from tui.painting.line import blank
from tui.painting.palette import Palette
from tui.panels.groups.rebalances import Rebalances
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.modes.groups import GroupsMode

Slots = tuple[tuple[str, int], ...]
Model = tuple[Rebalance, Slots, float, float]


class RebalanceDetail(Panel):
    """Follows the cursor of the history."""

    kind = "groups.rebalance"
    name_shown = "Rebalance"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._model: Model | None = None
        self._lines: list[Strip] = []
        self._painted_for: tuple[int, Palette] | None = None

    def on_show(self) -> None:
        """The terminal has become wide enough: take the scene that the others have."""
        scene = cast("GroupsMode", self.screen).scene
        if scene is not None:
            self.show(scene)

    def title(self, scene: Scene) -> Content:
        """Its generations."""
        it = self.screen.query_one(Rebalances).chosen
        if it is None:
            return Content(self.name_shown)
        counted = "Epoch" if it.protocol is GroupProtocol.CONSUMER else "Generation"
        return Content(f"{counted} {it.from_generation} → {it.to_generation}")

    def nothing(self, scene: Scene) -> str:
        """What would be here."""
        return "A rebalance stands here in full, once there is one." if scene.group else ""

    def items(self, scene: Scene) -> Sequence[Item]:
        """The whole page is one item."""
        it, group = self.screen.query_one(Rebalances).chosen, scene.group
        if it is None or group is None:
            return ()
        slots = tuple((label_of(member.client_id, member.member_id), member.slot) for member in group.members)
        now_ms = scene.world.now_ms if it.ended_ms is None else 0.0
        model = (it, slots, scene.world.began_ms, now_ms)
        return [Item(model, height=len(self._paint_page(model, self.scrollable_content_region.width)))]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """The page."""
        return self._paint_page(cast("Model", item.model), pen.width)

    def _paint_page(self, model: Model, width: int) -> list[Strip]:
        key = (width, self.palette)
        if model != self._model or key != self._painted_for:
            it, slots, began_ms, now_ms = model
            self._lines = [
                *paint_lesson(lesson_of(it), width, self.palette),
                blank(width),
                *paint_rebalance_page(it, dict(slots), began_ms, now_ms, width, self.palette),
            ]
            self._model, self._painted_for = model, key
        return self._lines
