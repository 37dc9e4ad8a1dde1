"""A bordered part of the screen whose lines reach the compositor as they were painted, sides of the border and all.

Textual copies a line that changed into its border, and again through filters; at a dozen frames a second that is most
of the work. Here a line is put together once. The top and the bottom of the border are Textual's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from rich.segment import Segment
from rich.style import Style
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

_SIDES = {"round": "│", "solid": "│"}
"""What Textual draws at the sides, by the kind of border."""
_BOLD = Style(bold=True)


def filters_of(widget: Widget) -> list[LineFilter]:
    """What is done to a widget's colours last (NO_COLOR); every colour here is a true one already."""
    return [each for each in widget.get_line_filters() if not isinstance(each, ANSIToTruecolor)]


class Framed(ScrollView):
    """Lines within a border; a subclass gives them in `content_line`."""

    DEFAULT_CSS = """
    Framed {
        border: round $rule;
        border-title-color: $quiet;
        border-subtitle-color: $quiet;
        background: $background;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-color: $rule;
        scrollbar-color-hover: $rule-focus;
        scrollbar-color-active: $rule-focus;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        &:focus { border: round $rule-focus; border-title-color: $strong; }
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._handed: dict[int, Strip] = {}
        """Lines handed over since they last changed, by their row."""
        self._handed_at: tuple[Size, int] | None = None
        self._sides: tuple[list[Segment], list[Segment]] | None = None
        self._base: Style | None = None

    def content_line(self, y: int, width: int) -> Strip:
        """One line, `y` counted from the top of what is in view, `width` cells beside the scrollbar, `framed`."""
        raise NotImplementedError

    @property
    def base(self) -> Style:
        """The style beneath every other."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def framed(self, line: Strip, base: Style | None = None) -> Strip:
        """The line as it is handed over: `base` beneath its styles, as wide as there is room, between its sides."""
        plain = self.base
        base = base or plain
        left, right = self._sides or self._sides_now()
        width = self.outer_size.width - len(left) - len(right)
        if line.cell_length > width:
            line = line.crop(0, width)
        if base.reverse:  # colours would become a patchwork of backgrounds
            segments = [
                *left,
                *[Segment(text, base + _BOLD if style and style.bold else base) for text, style, _ in line],
            ]
        else:
            segments = [*left, *[Segment(text, base + style if style else base) for text, style, _ in line]]
        if line.cell_length < width:
            segments.append(Segment(" " * (width - line.cell_length), plain))
        return Strip([*segments, *right], self.outer_size.width)

    def _sides_now(self) -> tuple[list[Segment], list[Segment]]:
        background = self.base.background_style
        found = [
            [Segment(_SIDES[kind], Style(color=colour.rich_color) + background)] if kind else []
            for kind, colour in (self.styles.border_left, self.styles.border_right)
        ]
        self._sides = (found[0], found[1])
        return self._sides

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines in `crop`, those that did not change as they were before."""
        at = (self.outer_size, self.scroll_offset.y)
        if at != self._handed_at:
            self._handed_at = at
            self._handed.clear()
        handed, gutter = self._handed, self.styles.gutter
        top, bottom = gutter.top, self.outer_size.height - gutter.bottom
        width = self.scrollable_content_region.width
        filters: Sequence[LineFilter] | None = None
        strips: list[Strip] = []
        for y in crop.line_range:
            strip = handed.get(y)
            if strip is None:
                if top <= y < bottom:
                    strip = self.content_line(y - top, width)
                    if filters is None:
                        filters = filters_of(self)
                    for each in filters:
                        strip = strip.apply_filter(each, self.background_colors[1])
                else:
                    (strip,) = super().render_lines(Region(0, y, self.outer_size.width, 1))
                handed[y] = strip
            strips.append(strip)
        if crop.column_span != (0, self.outer_size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Lines in `regions`, or all, are asked for again."""
        if regions:
            top = self.styles.gutter.top
            for region in regions:
                for y in region.line_range:
                    self._handed.pop(y + top, None)
        elif repaint:
            self._handed.clear()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Rules of style were applied anew; what was painted with the old ones is forgotten."""
        super().notify_style_update()
        self._base = self._sides = None
        self._handed.clear()
