"""Actions for clients from outside: to let them in, to see who is connected, to close again."""

from __future__ import annotations

from tui.actions.table import Action, Context

_HERE = ("clients",)


async def _open_or_look(context: Context) -> None:
    from tui.dialogs.listening import OpenToClients

    app = context.app
    if context.world.listening is None:
        if not await app.push_screen_wait(OpenToClients(context.scene)):
            return
        await _visit(context)
        await _how_to_connect(context)
    else:
        await _visit(context)


async def _visit(context: Context) -> None:
    if context.mode.kind != "clients":
        await context.app.visit("clients")


async def _how_to_connect(context: Context) -> None:
    from tui.dialogs.listening import HowToConnect

    view = context.lab.snapshot().listening
    if view is not None:
        await context.app.push_screen_wait(HowToConnect(context.scene, view))


async def _close(context: Context) -> None:
    await context.lab.stop_listening()


def _is_open(context: Context) -> str:
    return "" if context.world.listening else "No client from outside can connect; press 0 to open the lab to them."


ACTIONS = (
    Action("outside", ("0",), "open to clients", "Lets Kafka clients from outside use the lab as their cluster; while "
           "it is open, shows who is connected and what they ask.", _open_or_look, priority=43),
    Action("outside.how", ("v",), "how to connect", "Shows lines to paste for kcat, Python and Java.",
           _how_to_connect, _HERE, _is_open, priority=150),
    Action("outside.close", ("x",), "close", "Closes the ports and drops who is connected; their members stay in their "
           "groups until their sessions end.", _close, _HERE, _is_open, priority=149),
)  # fmt: skip
