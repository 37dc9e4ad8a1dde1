"""Names in a panel's top border: the chosen one with what is said about it, and the others, which a click chooses."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from tui.painting.text import clean, cut

BEFORE = 3
"""Cells of the border before a title."""


class Tabs:
    """Lays the names out and remembers where they are."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int, str]] = []

    def title(
        self, names: Sequence[str], chosen: str, about: Sequence[tuple[str, str]], width: int, keys: str
    ) -> Content:
        """The title for a panel `width` cells wide; `about` is text with its style, said after the chosen name."""
        room = max(width - 6, 4)
        said = sum(cell_len(text) for text, _ in about)
        own = cut(clean(chosen), max(6, room - said))
        parts: list[tuple[str, str]] = [(own, "bold $strong"), *about]
        used = cell_len(own) + said
        self._spans = []
        others = [name for name in names if name != chosen]
        hint = f" {keys}"
        for at, name in enumerate(others):
            text = cut(clean(name), 18)
            more = f"  +{len(others) - at}"
            last = at == len(others) - 1
            if used + 2 + cell_len(text) + len(hint) + (0 if last else len(more)) > room:
                if used + len(more) <= room:
                    self._spans.append((BEFORE + used + 2, BEFORE + used + len(more), name))
                    parts.append((more, "$quiet"))
                    used += len(more)
                break
            self._spans.append((BEFORE + used + 2, BEFORE + used + 2 + cell_len(text), name))
            parts.append((f"  {text}", "$quiet"))
            used += 2 + cell_len(text)
        if others and used + len(hint) <= room:
            parts.append((hint, "$primary"))
        return Content.assemble(*parts)

    def at(self, x: int) -> str | None:
        """The name under a click `x` cells from the panel's left."""
        return next((name for start, end, name in self._spans if start <= x < end), None)
