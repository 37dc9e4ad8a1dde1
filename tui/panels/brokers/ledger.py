"""The ledger: what became of every record, for each producer and each group. Left and right choose a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from engine.snapshot import GroupLedger, LedgerFigure
from engine.wording import plural
from tui.painting.brokers.ledger import (
    GROUP_COLUMNS,
    NAME,
    Book,
    columns_of,
    layout,
    losses,
    name_of,
    paint_ledger_head,
    paint_ledger_row,
    sentence,
)
from tui.painting.line import Line
from tui.painting.text import clean, cut, wrap
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedFigure

_COLUMNS = len(GROUP_COLUMNS)
_SAID = 2
"""Lines of the sentence about the figure under the cursor."""


class Ledger(Panel):
    """A line a producer or group, with four figures; above them what the chosen one says."""

    kind = "brokers.ledger"
    name_shown = "Ledger"
    head_height = _SAID

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._column = 2
        self._said = ""

    def title(self, scene: Scene) -> Content:
        """Whether something acknowledged is lost."""
        view = scene.world.ledger
        lost = losses(view)
        if not view.producers and not view.groups:
            return Content("Ledger")
        if not lost:
            return Content.assemble("Ledger · ", ("nothing acknowledged is lost", "$success"))
        words = f"✗ {plural(lost, 'acknowledged record')} lost"
        return Content.assemble("Ledger · ", (words, "$tone-loss"))

    def subtitle(self, scene: Scene) -> Content:
        """How to ask for more."""
        if not scene.world.ledger.producers:
            return Content("")
        return Content.assemble(("←→", "$primary"), " another figure  ", ("enter", "$primary"), " which records")

    def nothing(self, scene: Scene) -> str:
        """Before anything was sent."""
        return "Nothing was sent yet; press p to start a producer, and what becomes of its records is counted here."

    def items(self, scene: Scene) -> Sequence[Item]:
        """Producers, then groups, each under their headings."""
        view, found = scene.world.ledger, []
        books: tuple[Sequence[Book], ...] = (view.producers, view.groups)
        for of_group, rows in enumerate(books):
            if rows:
                found.append(Item(bool(of_group)))
            for book in rows:
                figure = LedgerFigure(bool(of_group), name_of(book), columns_of(book)[self._column])
                found.append(Item((book, self._column), SelectedFigure(figure)))
        return found

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One line."""
        if isinstance(item.model, bool):
            return [paint_ledger_head(item.model, pen.width, pen.palette)]
        book, column = cast("tuple[Book, int]", item.model)
        chosen = column if pen.cursor and pen.focused else -1
        return [paint_ledger_row(book, chosen, pen.width, pen.palette)]

    def head(self, pen: Pen) -> Sequence[Strip]:
        """What the chosen figure says."""
        lines = wrap(self._said, max(1, pen.width - 2))
        if len(lines) > _SAID:
            lines = [*lines[: _SAID - 1], " ".join(lines[_SAID - 1 :])]
        style = pen.palette.text if pen.focused else pen.palette.quiet
        return [Line(pen.width).add(" ").data(text, style, pen.width - 1).strip() for text in [*lines, "", ""][:_SAID]]

    # What the cursor is on ---------------------------------------------------------------------------------

    @property
    def book(self) -> Book | None:
        """The row under the cursor."""
        model = self.items_shown[self._cursor].model if 0 <= self._cursor < len(self.items_shown) else None
        return cast("tuple[Book, int]", model)[0] if isinstance(model, tuple) else None

    def said(self) -> str:
        """What the figure under the cursor says."""
        book, scene = self.book, self.scene
        if book is None or scene is None:
            return ""
        rules = (
            [each.commit for each in scene.world.consumers if each.group_id == book.group_id]
            if isinstance(book, GroupLedger)
            else []
        )
        return sentence(book, columns_of(book)[self._column], rules)

    def update(self) -> None:
        """Say anew what the figure under the cursor says, too."""
        super().update()
        self._say()

    def cursor_moved(self) -> None:
        """Another figure."""
        super().cursor_moved()
        self._say()

    def _say(self) -> None:
        said, book = self.said(), self.book
        if book is not None:
            named = f"{cut(clean(name_of(book)), NAME)}: {said}"
            said = named if len(wrap(named, max(1, self.scrollable_content_region.width - 2))) <= _SAID else said
        if said != self._said:
            self._said = said
            self.refresh(Region(0, 0, self.size.width, _SAID))

    def cursor_left(self) -> None:
        """The figure before."""
        self._choose(self._column - 1)

    def cursor_right(self) -> None:
        """The next figure."""
        self._choose(self._column + 1)

    def _choose(self, column: int) -> None:
        self._column = min(max(column, 0), _COLUMNS - 1)
        self.update()
        self.cursor_moved()

    async def on_click(self, event: events.Click) -> None:
        """Choose the figure that was clicked."""
        offset = event.get_content_offset(self)
        index = self.item_at(event)
        if offset is not None and index >= 0 and self.items_shown[index].selection is not None:
            name, each = layout(self.scrollable_content_region.width)
            if offset.x > name:
                self._choose((offset.x - name - 1) // each)
