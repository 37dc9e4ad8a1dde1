"""Items from the scene, one below the other, drawn line by line: only those in view, and only when they changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.geometry import Size
from textual.strip import Strip

from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import wrap
from tui.panels.framed import Framed
from tui.scene import Scene
from tui.selection import Selection

if TYPE_CHECKING:
    from tui.app import Kafkarium


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a panel shows, in `height` lines."""

    model: Hashable
    """The values its lines are painted from: equal models give equal lines."""
    selection: Selection | None = None
    """What the cursor selects here; None lets the cursor pass over it."""
    height: int = 1


@dataclass(frozen=True, slots=True)
class Pen:
    """What `draw` needs beside the model: cells in a line, colours, and whether the cursor or the mouse is on it."""

    width: int
    palette: Palette
    cursor: bool = False
    hover: bool = False
    focused: bool = False


class Stack(Framed):
    """Give it the scene with `show`."""

    name_shown: ClassVar[str] = ""
    """Its name in help: "Producers"."""
    head_height: ClassVar[int] = 0
    """Lines above the items that stay while these scroll: headings of columns."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.scene: Scene | None = None
        self.items_shown: Sequence[Item] = ()
        self._tops: list[int] = []
        self._painted: dict[int, tuple[Item, Pen, Sequence[Strip]]] = {}
        self._cursor = -1
        self._hover = -1
        self._titles: tuple[Content, Content] = (Content(""), Content(""))

    # What a subclass says ----------------------------------------------------------------------------------

    def items(self, scene: Scene) -> Sequence[Item]:
        """What there is to show, in order. Called at every tick, so it only picks values."""
        raise NotImplementedError

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """The item's lines, each `pen.width` cells, by a pure function of `tui.painting`."""
        raise NotImplementedError

    def title(self, scene: Scene) -> Content:
        """The title in the top border; build it with `Content.assemble`, never from markup."""
        return Content(self.name_shown)

    def subtitle(self, scene: Scene) -> Content:
        """What stands in the bottom border."""
        return Content("")

    def nothing(self, scene: Scene) -> str:
        """The sentence shown while there is nothing: what to press."""
        return ""

    def head(self, pen: Pen) -> Sequence[Strip]:
        """The `head_height` lines above the items; painted whenever the items are laid out anew."""
        return ()

    # The scene ---------------------------------------------------------------------------------------------

    @property
    def palette(self) -> Palette:
        """The colours in force."""
        return cast("Kafkarium", self.app).palette

    def show(self, scene: Scene) -> None:
        """Take the scene and repaint the lines that changed."""
        self.scene = scene
        self.update()

    def update(self) -> None:
        """Look at the scene again, after it or something `items` depends on has changed."""
        if self.scene is None:
            return
        self._update_titles(self.scene)
        old, new = self.items_shown, self.items(self.scene)
        selected = self.selection
        self.items_shown = new
        self._place_cursor(selected, old)
        if new and [item.height for item in old] == [item.height for item in new]:
            changed = [at for at in range(*self._in_view()) if old[at] is not new[at] and old[at] != new[at]]
            self._refresh_items(changed)
            return
        tops, top = [], 0
        for item in new:
            tops.append(top)
            top += item.height
        self._tops = tops
        self._painted.clear()
        self.virtual_size = Size(self.scrollable_content_region.width, top + self.head_height)
        self.refresh()

    def _update_titles(self, scene: Scene) -> None:
        title = self.title(scene)
        if self.outer_size.height == 1:
            title = Content.assemble(("▸ ", "$primary"), title)  # folded to its title; tab unfolds it
        titles = (title, self.subtitle(scene))
        if titles != self._titles:
            self._titles = titles
            self.border_title, self.border_subtitle = titles

    @property
    def selection(self) -> Selection | None:
        """What is selected; a stack by itself selects nothing."""
        return None

    def _place_cursor(self, selected: Selection | None, old: Sequence[Item]) -> None:
        """Called when the items were `old` before and `selected` was selected."""

    # Painting ----------------------------------------------------------------------------------------------

    def _in_view(self) -> tuple[int, int]:
        """The first item of which a row is in view, and the one after the last."""
        top = self.scroll_offset.y
        first = max(0, bisect_right(self._tops, top) - 1)
        return first, min(len(self.items_shown), bisect_right(self._tops, top + self.size.height))

    def _refresh_item(self, index: int) -> None:
        if 0 <= index < len(self._tops):
            self.refresh_lines(self._tops[index] + self.head_height, self.items_shown[index].height)

    def _refresh_items(self, changed: Sequence[int]) -> None:
        """Repaint items, neighbours in one piece: asking for it costs more than a row."""
        at = 0
        while at < len(changed):
            to = at
            while to + 1 < len(changed) and changed[to + 1] == changed[to] + 1:
                to += 1
            top, last = self._tops[changed[at]], changed[to]
            self.refresh_lines(top + self.head_height, self._tops[last] + self.items_shown[last].height - top)
            at = to + 1

    def repaint(self) -> None:
        """Paint everything again: another width, other colours, focus gained or lost."""
        self._painted.clear()
        if self.virtual_size.width != self.scrollable_content_region.width:
            self.virtual_size = Size(self.scrollable_content_region.width, self.virtual_size.height)
        self.refresh()

    def content_line(self, y: int, width: int) -> Strip:
        """One line: a head's, an item's, or what is said while there is none."""
        if not self.items_shown:
            return self.framed(self._nothing_line(y, width))
        if y < self.head_height:
            strips = self.head(Pen(width, self.palette, focused=self.has_focus))
            return self.framed(strips[y] if y < len(strips) else blank(width))
        line = y + self.scroll_offset.y - self.head_height
        index = bisect_right(self._tops, line) - 1
        if index < 0 or line >= self._tops[index] + self.items_shown[index].height:
            return self.framed(blank(width))
        strips = self._paint(index, width)
        at = line - self._tops[index]
        return strips[at] if at < len(strips) else self.framed(blank(width))

    def _paint(self, index: int, width: int) -> Sequence[Strip]:
        item, palette, focused = self.items_shown[index], self.palette, self.has_focus
        pen = Pen(width, palette, index == self._cursor, index == self._hover, focused)
        known = self._painted.get(index)
        if known is not None and known[1] == pen and (known[0] is item or known[0] == item):
            return known[2]
        base = self.base
        if pen.cursor:
            base += palette.cursor if focused else palette.cursor_blurred
        elif pen.hover:
            base += palette.hover
        strips = [self.framed(strip, base) for strip in self.draw(item, pen)]
        self._painted[index] = (item, pen, strips)
        return strips

    def _nothing_line(self, y: int, width: int) -> Strip:
        sentence = self.nothing(self.scene) if self.scene is not None else ""
        lines = wrap(sentence, max(1, width - 4))
        line = y - max(0, (self.size.height - len(lines)) // 2)
        text = lines[line] if 0 <= line < len(lines) else ""
        return Line(width).to((width - len(text)) // 2).add(text, self.palette.quiet).strip()

    def notify_style_update(self) -> None:
        """Rules of style were applied anew; what was painted with the old ones is forgotten."""
        super().notify_style_update()
        self._painted.clear()

    def on_resize(self) -> None:
        """Lines, and how many an item has, depend on the size."""
        self.update()
        self.repaint()
