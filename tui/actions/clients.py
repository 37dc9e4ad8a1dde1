"""What can be done to the producer or consumer that is selected, in whatever panel it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.snapshot import ClientState, ConsumerView, ProducerView
from tui.actions.table import Action, Context
from tui.actions.time import kept_first
from tui.painting.text import clean
from tui.selection import SelectedMember, client_of

Client = ProducerView | ConsumerView
_GONE = (ClientState.STOPPED, ClientState.CRASHED)
_RATES = (
    0.0,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
)
_PROCESSING = (0.0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000)


def _client(context: Context) -> Client | None:
    return client_of(context.selection, context.world)


def _consumer(context: Context) -> ConsumerView | None:
    client = _client(context)
    return client if isinstance(client, ConsumerView) else None


def _nobody(context: Context, what: str = "a producer or a consumer") -> str:
    """Why there is no client of the lab to do anything to."""
    if isinstance(context.selection, SelectedMember) and _client(context) is None:
        name = clean(context.selection.client_id or context.selection.member_id)
        return f"{name} lives outside this lab; it can only be stopped where it runs."
    return f"Select {what} of this lab first."


def _alive(context: Context) -> str:
    client = _client(context)
    if client is None:
        return _nobody(context)
    return f"{clean(client.name)} is {client.state.value} already." if client.state in _GONE else ""


def _gone(context: Context) -> str:
    client = _client(context)
    if client is None:
        return _nobody(context)
    return "" if client.state in _GONE else f"{clean(client.name)} is at work; stop it (x) or crash it (X) first."


def _consumer_alive(context: Context) -> str:
    return _alive(context) if _consumer(context) else _nobody(context, "a consumer")


def _verb(name: str) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        client = _client(context)
        if client is not None:
            await getattr(context.lab.workload, name)(client.name)

    return run


async def _pause(context: Context) -> None:
    client = _client(context)
    if client is not None:
        workload = context.lab.workload
        await (workload.resume if client.state is ClientState.PAUSED else workload.pause)(client.name)


async def _hang(context: Context) -> None:
    client = _consumer(context)
    if client is not None:
        workload = context.lab.workload
        await (workload.unhang if client.state is ClientState.HUNG else workload.hang)(client.name)


async def _heartbeats(context: Context) -> None:
    client = _consumer(context)
    if client is not None:
        workload = context.lab.workload
        await (workload.stop_heartbeats if client.heartbeating else workload.resume_heartbeats)(client.name)


def _step(steps: tuple[float, ...], now: float, up: bool) -> float:
    """The next of the steps above or below."""
    if up:
        return next((step for step in steps if step > now * 1.001), steps[-1])
    return next((step for step in reversed(steps) if step < now * 0.999), steps[0])


def _pace(up: bool) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        client, workload = _client(context), context.lab.workload
        if isinstance(client, ProducerView):
            await workload.set_rate(client.name, _step(_RATES, client.rate, up))
        elif isinstance(client, ConsumerView):
            await workload.set_processing(client.name, _step(_PROCESSING, client.processing_ms, not up))

    return run


ACTIONS = (
    Action("client.more", ("+", "="), "more",
           "A producer sends more records a second; a consumer takes less time for each.",
           _pace(True), enabled=_alive, priority=99, pair="pace"),
    Action("client.less", ("-", "_"), "less",
           "A producer sends fewer records a second; a consumer takes more time for each.",
           _pace(False), enabled=_alive, priority=98, pair="pace"),
    Action("client.pause", ("z",), "rest", "Lets it rest, or work again; a resting consumer stays in its group.",
           _pause, enabled=_alive, priority=40),
    Action("client.stop", ("x",), "stop", "Stops it cleanly: a producer sends what it holds, a consumer commits and "
           "leaves its group, which rebalances at once.", _verb("stop"), enabled=_alive, priority=97),
    Action("client.crash", ("X",), "crash", "Crashes it: nothing is sent, committed or said. A consumer's group "
           "notices when its session timeout has run down.", kept_first("crash", _verb("crash")), enabled=_alive,
           destructive=True, priority=96),
    Action("client.restart", ("r",), "restart", "Starts it again as it was, after a stop or a crash.",
           _verb("restart"), enabled=_gone, priority=97),
    Action("client.remove", ("D",), "remove", "Takes a stopped or crashed one out of the lab.",
           kept_first("remove", _verb("remove")), enabled=_gone, destructive=True, priority=96),
    Action("consumer.hang", ("w",), "hang", "Lets it hang in processing: it polls no more, and leaves its group after "
           "max.poll.interval.ms. Again: it polls.", _hang, enabled=_consumer_alive, priority=39),
    Action("consumer.heartbeats", ("b",), "heartbeats", "Stops its heartbeats while it works on, so that its group "
           "drops it after the session timeout. Again: they go on.", _heartbeats, enabled=_consumer_alive, priority=38),
)  # fmt: skip
