"""A small sheet of cells for drawings of boxes and arrows; every character takes one cell."""

from __future__ import annotations

from itertools import groupby

from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line


class Canvas:
    """Blank at first. What is put outside of it is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._cells: list[list[tuple[str, Style | None]]] = [[(" ", None)] * width for _ in range(height)]

    def put(self, x: int, y: int, text: str, style: Style | None = None) -> None:
        """Text from `x` to the right."""
        for column, char in enumerate(text, start=x):
            if 0 <= y < self.height and 0 <= column < self.width:
                self._cells[y][column] = (char, style)

    def put_centred(self, x: int, y: int, text: str, style: Style | None = None) -> None:
        """Text around `x`."""
        self.put(x - len(text) // 2, y, text, style)

    def box(self, x: int, y: int, label: str, frame: Style, inside: Style, lit: bool) -> None:
        """A box of three lines around a label; with heavy lines when it is `lit`."""
        corners, flat, side = ("┏┓┗┛", "━", "┃") if lit else ("╭╮╰╯", "─", "│")
        rule = flat * (len(label) + 2)
        self.put(x, y, corners[0] + rule + corners[1], frame)
        self.put(x, y + 1, side, frame)
        self.put(x + 1, y + 1, f" {label} ", inside)
        self.put(x + len(label) + 3, y + 1, side, frame)
        self.put(x, y + 2, corners[2] + rule + corners[3], frame)

    def strips(self) -> list[Strip]:
        """The rows, runs of one style merged."""
        painted = []
        for row in self._cells:
            line = Line(self.width)
            for style, cells in groupby(row, key=lambda cell: cell[1]):
                line.add("".join(char for char, _ in cells), style)
            painted.append(line.strip())
        return painted
