"""Moving the cursor and the focus: the same keys in every panel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tui.actions.table import Action, Context


def _by(method: str) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        if context.panel is not None:
            getattr(context.panel, method)()

    return run


async def _next(context: Context) -> None:
    context.mode.focus_next()


async def _previous(context: Context) -> None:
    context.mode.focus_previous()


async def _open(context: Context) -> None:
    await context.mode.open(context)


async def _back(context: Context) -> None:
    await context.mode.back(context)


ACTIONS = (
    Action("up", ("up", "k"), "up", "Moves the cursor up.", _by("cursor_up")),
    Action("down", ("down", "j"), "down", "Moves the cursor down.", _by("cursor_down")),
    Action("left", ("left", "h"), "left", "Moves the cursor left.", _by("cursor_left")),
    Action("right", ("right", "l"), "right", "Moves the cursor right.", _by("cursor_right")),
    Action("page.up", ("pageup", "ctrl+b"), "page up", "Moves the cursor up by a page.", _by("cursor_page_up")),
    Action("page.down", ("pagedown", "ctrl+f"), "page down", "Moves the cursor down by a page.",
           _by("cursor_page_down")),
    Action("first", ("g", "home"), "first", "Moves the cursor to the first.", _by("cursor_first")),
    Action("last", ("G", "end"), "last", "Moves the cursor to the last.", _by("cursor_last")),
    Action("panel.next", ("tab",), "next panel", "Goes to the next panel.", _next, priority=15),
    Action("panel.previous", ("shift+tab",), "previous panel", "Goes to the panel before.", _previous),
    Action("open", ("enter",), "open", "Opens what the cursor stands on.", _open),
    Action("back", ("escape",), "back", "Goes back to where you came from.", _back),
)  # fmt: skip
