"""Actions of Brokers: to crash, stop and start them, to cut their lines, to spoil their disks, to elect leaders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.snapshot import BrokerView
from tui.actions.table import Action, Context
from tui.selection import SelectedBroker

HERE = ("brokers.nodes",)
SLOW_MS = 500.0


def _broker(context: Context) -> BrokerView | None:
    selected = context.selection
    if not isinstance(selected, SelectedBroker):
        return None
    return next((broker for broker in context.world.brokers if broker.broker_id == selected.broker_id), None)


def _running(context: Context) -> str:
    broker = _broker(context)
    if broker is None:
        return "No broker is selected; go to the brokers with tab."
    return "" if broker.alive else f"Broker {broker.broker_id} is down already; r starts it."


def _down(context: Context) -> str:
    broker = _broker(context)
    if broker is None:
        return "No broker is selected; go to the brokers with tab."
    return f"Broker {broker.broker_id} runs; stop it (x) or crash it (X) first." if broker.alive else ""


def _verb(name: str) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        broker = _broker(context)
        if broker is not None:
            await getattr(context.lab.faults, name)(broker.broker_id)

    return run


async def _delete_file(context: Context) -> None:
    from tui.dialogs.confirm import Confirm

    broker = _broker(context)
    if broker is None:
        return
    number, lab = broker.broker_id, context.lab
    only = [
        f"P{view.partition} of {topic.name}"
        for topic in context.world.topics
        for view in topic.partitions
        if view.isr == (number,)
    ]
    lost = f"Only it has the newest records of {', '.join(only[:5])}: they are lost." if only else ""
    sentences = [s for s in (lost, "Started again, it copies what the leaders have.") if s]
    await context.app.push_screen_wait(
        Confirm(f"Delete the file of broker {number}?", sentences, "delete it", lambda: lab.faults.delete_file(number))
    )


async def _cut(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        faults = context.lab.faults
        (faults.rejoin if broker.cut_from else faults.isolate)(broker.broker_id)


async def _slow(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        context.lab.faults.slow_disk(broker.broker_id, 0 if broker.slow_ms else SLOW_MS)


async def _fill(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        faults = context.lab.faults
        (faults.free_disk if broker.full else faults.fill_disk)(broker.broker_id)


async def _elect(context: Context) -> None:
    moved = await context.lab.faults.elect_preferred()
    context.app.say(f"{moved} partitions are led by their preferred replica again.")


ACTIONS = (
    Action("broker.crash", ("X",), "crash", "The broker is gone without a word; the controller notices when its "
           "session runs out, and elects other leaders.", _verb("crash"), HERE, _running, True, 190),
    Action("broker.stop", ("x",), "stop", "The broker hands on what it leads, then stops.", _verb("stop"), HERE,
           _running, priority=189),
    Action("broker.start", ("r",), "start", "Starts a broker that is down: it cuts off what the leader never had and "
           "copies what it missed.", _verb("start"), HERE, _down, priority=188),
    Action("broker.cut", ("w",), "cut off", "Cuts the broker off from the others and the controller, while clients "
           "still reach it; again: heals the lines.", _cut, HERE, _running, priority=170),
    Action("broker.slow", ("b",), "slow disk", f"Every write of the broker takes {SLOW_MS:.0f} ms longer; again: puts "
           "it right.", _slow, HERE, priority=169),
    Action("broker.fill", ("f",), "full disk", "The broker's disk takes nothing more; again: makes room.", _fill, HERE,
           priority=168),
    Action("broker.delete", ("D",), "delete file", "Deletes the SQLite file of a broker that is down; started again it "
           "is filled from the leaders.", _delete_file, HERE, _down, destructive=True, priority=160),
    Action("broker.elect", ("v",), "elect preferred", "Gives leadership back to the first replica of each partition.",
           _elect, ("brokers",), priority=50),
)  # fmt: skip
