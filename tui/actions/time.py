"""Actions on the world's time: standing still, steps, slower and faster, and back to a moment that is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.clock import FASTEST, SLOWEST, STEP_MS
from tui.actions.table import Action, Context
from tui.painting.outside.time import meaning_of_time
from tui.painting.text import speed
from tui.selection import named

SPEEDS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 100.0)


def kept_first(label: str, run: Callable[[Context], Awaitable[None]]) -> Callable[[Context], Awaitable[None]]:
    """`run`, but the world is kept as a moment before; where that fails it is said, and `run` goes on."""

    async def keep_and_run(context: Context) -> None:
        moment = f"before {label}: {named(context.selection)}"
        await context.app.attempt(context.lab.moments.keep_before(moment))
        await run(context)

    return keep_and_run


async def _pause(context: Context) -> None:
    clock = context.lab.clock
    if clock.paused:
        clock.resume()
    else:
        clock.pause()
    _tell_of_outsiders(context)


def _tell_of_outsiders(context: Context) -> None:
    """Once lab time is no longer that of clients from outside, say what this means to them."""
    before, view = meaning_of_time(context.world), context.world.listening
    meaning = meaning_of_time(context.lab.snapshot())
    if meaning and not before and view is not None and view.connections:
        context.app.say(meaning, "warning")


async def _step(context: Context) -> None:
    if context.lab.clock.paused:
        context.lab.stepping.step()
    else:
        await _pause(context)


async def _next(context: Context) -> None:
    context.lab.stepping.to_next_event()


async def _moments(context: Context) -> None:
    from tui.dialogs.moments import Moments

    await context.app.push_screen_wait(Moments())


def _set_speed(faster: bool) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        now = context.lab.clock.speed
        steps = [step for step in SPEEDS if (step > now * 1.001 if faster else step < now * 0.999)]
        if steps:
            context.lab.clock.set_speed(steps[0] if faster else steps[-1])
            _tell_of_outsiders(context)

    return run


def _can_go_faster(context: Context) -> str:
    return f"Time goes at {speed(FASTEST)} already, as fast as it can." if context.world.speed >= FASTEST else ""


def _can_go_slower(context: Context) -> str:
    return f"Time goes at {speed(SLOWEST)} already, as slowly as it can." if context.world.speed <= SLOWEST else ""


ACTIONS = (
    Action("pause", ("space",), "pause", "Makes the world stand still, or go on: every timer, producer, consumer and "
           "timeout.", _pause, priority=60),
    Action("step", (".",), "step", f"Makes the world stand still; while it does, lets {STEP_MS:.0f} ms pass at a time.",
           _step, priority=19, pair="step"),
    Action("next", (",",), "next event", "Lets time pass until the next thing happens, then stands still.", _next,
           priority=18, pair="step"),
    Action("moments", ("backspace",), "go back", "Puts the world back to a moment that was kept: one is before each "
           "crash and each deletion, and whenever you ask.", _moments, priority=17),
    Action("slower", ("<",), "slower", "Lets time go more slowly, down to a hundredth.", _set_speed(False),
           enabled=_can_go_slower, priority=21, pair="speed"),
    Action("faster", (">",), "faster", "Lets time go faster, up to a hundredfold.", _set_speed(True),
           enabled=_can_go_faster, priority=20, pair="speed"),
)  # fmt: skip
