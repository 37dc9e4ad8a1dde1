"""Actions of Brokers: to crash, stop and start them, to cut their lines, to spoil their disks, to elect leaders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.snapshot import BrokerView, PartitionView
from engine.wording import plural
from tui.actions.table import Action, Context
from tui.actions.time import kept_first
from tui.painting.brokers.nodes import CONTROLLER
from tui.painting.text import clean
from tui.selection import SelectedBroker, SelectedPartition

HERE, COPIES, LEDGER = ("brokers.nodes",), ("brokers.copies",), ("brokers.ledger",)
SLOW_MS = 500.0
LOST_SHARE = 0.5


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
        (faults.rejoin if CONTROLLER in broker.cut_from else faults.isolate)(broker.broker_id)


async def _slow(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        context.lab.faults.slow_disk(broker.broker_id, 0 if broker.slow_ms else SLOW_MS)


async def _fill(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        faults = context.lab.faults
        (faults.free_disk if broker.full else faults.fill_disk)(broker.broker_id)


async def _lose_answers(context: Context) -> None:
    broker = _broker(context)
    if broker is not None:
        context.lab.faults.lose_answers(broker.broker_id, 0 if broker.lost_answers else LOST_SHARE)


async def _elect(context: Context) -> None:
    moved = await context.lab.faults.elect_preferred()
    context.app.say(f"{plural(moved, 'partition is', 'partitions are')} led by the preferred replica again.")


async def _open(context: Context) -> None:
    await context.mode.open(context)


# Copies ------------------------------------------------------------------------------------------------------


def _partition(context: Context) -> PartitionView | None:
    selected = context.selection
    return context.world.partition(selected.tp) if isinstance(selected, SelectedPartition) else None


def _has_partition(context: Context) -> str:
    return "" if _partition(context) else "No partition is selected; n makes a topic."


def _is_moving(context: Context) -> str:
    view = _partition(context)
    if view is None:
        return _has_partition(context)
    return "" if view.target else f"{clean(str(view.tp))} is not being moved; m moves it."


async def _move(context: Context) -> None:
    from tui.dialogs.copies import MoveCopies

    view = _partition(context)
    topic = context.world.topic(view.topic) if view is not None else None
    if view is not None and topic is not None:
        await context.app.push_screen_wait(MoveCopies(context.scene, topic, view))


async def _call_off(context: Context) -> None:
    view = _partition(context)
    if view is not None:
        await context.lab.controller.call_off(view.tp)


def _leaderless(context: Context) -> str:
    view = _partition(context)
    if view is None:
        return _has_partition(context)
    name = clean(str(view.tp))
    if view.leader is not None:
        return f"{name} has a leader; an unclean election is for a partition that nobody leads."
    if not any(copy.alive for copy in view.copies):
        return f"No broker that holds a copy of {name} is alive; start one first."
    return ""


async def _elect_unclean(context: Context) -> None:
    from tui.dialogs.confirm import Confirm

    view, lab = _partition(context), context.lab
    if view is None:
        return
    tp = view.tp
    await context.app.push_screen_wait(
        Confirm(f"Unclean election for {tp}?", cost_of_unclean(view), "elect it", lambda: lab.faults.elect_unclean(tp))
    )


def cost_of_unclean(view: PartitionView) -> list[str]:
    """What would be lost if somebody alive led a partition that nobody leads."""
    heir = next(copy for copy in view.copies if copy.alive)
    said = [f"Broker {heir.broker_id} will lead, though it is out of sync: its log ends at {heir.log_end_offset:,}."]
    longest = max(view.copies, key=lambda copy: copy.log_end_offset)
    missing = longest.log_end_offset - heir.log_end_offset
    if missing > 0:
        gone = plural(missing, "record")
        said.append(f"Broker {longest.broker_id}, which is down, had {gone} more: lost, even if acknowledged.")
    waits = ", ".join(str(broker) for broker in view.isr)
    return [*said, f"To lose nothing, start broker {waits} instead, which was in sync."]


ACTIONS = (
    Action("broker.crash", ("X",), "crash", "The broker is gone without a word; the controller notices when its "
           "session runs out, and elects other leaders.", kept_first("crash", _verb("crash")), HERE,
           _running, True, 190),
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
    Action("broker.lose", ("s",), "lose answers", f"Loses {LOST_SHARE:.0%} of its answers to producers, though their "
           "records are stored: without idempotence a retry stores them twice; again: ends it.", _lose_answers, HERE,
           _running, priority=167),
    Action("broker.delete", ("D",), "delete file", "Deletes the SQLite file of a broker that is down; started again it "
           "is filled from the leaders.", _delete_file, HERE, _down, destructive=True, priority=160),
    Action("copies.move", ("m",), "move copies", "Moves the partition, or all of its topic, to other brokers, or "
           "changes how many copies it has.", _move, COPIES, _has_partition, priority=150),
    Action("copies.call_off", ("z",), "call off", "Calls off a move that goes on: the partition stays where it was.",
           _call_off, COPIES, _is_moving, priority=149),
    Action("copies.unclean", ("V",), "elect unclean", "Lets a replica that is out of sync lead a partition that nobody "
           "leads, after saying what would be lost.", _elect_unclean, COPIES, _leaderless, True, 148),
    Action("copies.records", ("enter",), "records", "Reads the topic's records.", _open, COPIES, _has_partition,
           priority=147),
    Action("ledger.records", ("enter",), "which records", "Lists the records that the figure under the cursor counts.",
           _open, LEDGER, priority=150),
    Action("broker.elect", ("v",), "elect preferred", "Gives leadership back to the first replica of each partition.",
           _elect, ("brokers",), priority=50),
)  # fmt: skip
