"""What the prompt of Records asks for: a filter, or a place to go to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import RefusedError
from tui.panels.records.prompt import Wrong
from tui.records.filters import ACCEPTED, FilterError, parse
from tui.records.places import PlaceError, read_place
from tui.records.times import Times
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.modes.records import RecordsMode


def ask_filter(mode: RecordsMode, scene: Scene) -> None:
    """Let a filter be typed; nothing typed shows everything."""
    prompt, reader = mode.prompt, mode.reader

    def check(text: str) -> str:
        try:
            parse(text, _times(mode, scene))
        except FilterError as refused:
            raise Wrong(str(refused)) from None
        return ""

    def submit(text: str) -> None:
        reader.look_for(parse(text, _times(mode, scene)))
        mode.close_prompt()
        mode.moved()

    prompt.ask("/", reader.filter.text if reader.filter else "", ACCEPTED, check, submit)


def ask_place(mode: RecordsMode, scene: Scene) -> None:
    """Let a place be typed."""
    groups = [group.group_id for group in scene.groups]
    hint = "12,000 · -5m · 00:03:12 · 2026-11-24T02:30 · start · end" + (f" · {groups[0]}" if groups else "")

    def check(text: str) -> str:
        if text.strip():
            try:
                read_place(text, _times(mode, scene), groups)
            except PlaceError as refused:
                raise Wrong(str(refused)) from None
        return ""

    def submit(text: str) -> None:
        if text.strip():
            try:
                mode.go_and_scrub(read_place(text, _times(mode, scene), groups))
            except RefusedError as refused:
                mode.prompt.complain(str(refused))
                return
        mode.close_prompt()

    mode.prompt.ask("go to", "", hint, check, submit)


def _times(mode: RecordsMode, scene: Scene) -> Times:
    """From the world as it is by then: the world goes on while somebody types."""
    world = (mode.scene or scene).world
    return Times(world.now_ms, world.began_ms)
