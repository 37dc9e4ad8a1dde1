"""Actions of Groups: moving a group's offsets, opening a rebalance, deleting a group."""

from __future__ import annotations

from engine.snapshot import GroupView
from engine.wording import plural
from tui.actions.table import Action, Context
from tui.painting.text import clean
from tui.selection import SelectedPartition, SelectedRebalance, group_of

_NO_GROUP = "There is no group yet; press c to start a consumer, which makes one."


def _group(context: Context) -> GroupView | None:
    """The group that is selected, else the one looked at."""
    selected = group_of(context.selection, context.world)
    return (context.world.group(selected) if selected else None) or context.scene.group


def _can_move(context: Context) -> str:
    group = _group(context)
    if group is None:
        return _NO_GROUP
    if not group.offsets:
        return f"{clean(group.group_id)} has no partitions yet: it has committed nothing and reads nothing."
    return ""


async def _move(context: Context) -> None:
    from tui.dialogs.offsets import MoveOffsets

    group, selected = _group(context), context.selection
    if group is None:
        return
    partition = selected.tp if isinstance(selected, SelectedPartition) else None
    plan = await context.app.push_screen_wait(MoveOffsets(context.scene, group, partition))
    if plan is not None:
        context.app.say(f"{clean(group.group_id)}: {plan.sentence()} u takes it back.")


def _has_rebalance(context: Context) -> str:
    group = _group(context)
    if group is None:
        return _NO_GROUP
    name = clean(group.group_id)
    return "" if group.rebalances else f"{name} has had no rebalance yet."


async def _open(context: Context) -> None:
    from tui.dialogs.rebalance import RebalancePage

    group, selected = _group(context), context.selection
    if group is None:
        return
    began_ms = selected.began_ms if isinstance(selected, SelectedRebalance) else group.rebalances[-1].began_ms
    await context.app.push_screen_wait(RebalancePage(group, began_ms))


def _can_delete(context: Context) -> str:
    group = _group(context)
    if group is None:
        return _NO_GROUP
    if group.members:
        return (
            f"{clean(group.group_id)} has {plural(len(group.members), 'member')}; Kafka deletes only empty groups. "
            "Stop its members first (x)."
        )
    return ""


async def _delete(context: Context) -> None:
    from tui.dialogs.confirm import Confirm

    group, lab = _group(context), context.lab
    if group is not None:
        group_id = group.group_id
        await context.app.push_screen_wait(
            Confirm(f"Delete the group {group_id}?", lost_with(group), "delete it",
                    lambda: lab.offsets.delete_group(group_id))
        )  # fmt: skip


def lost_with(group: GroupView) -> list[str]:
    """What deleting a group would take with it, in sentences."""
    committed = sum(offset.committed is not None for offset in group.offsets)
    said = []
    if committed:
        said.append(
            f"{plural(committed, 'committed offset')} will be forgotten. A consumer that joins a group of this name "
            "later begins by its auto.offset.reset."
        )
    if group.rebalances:
        said.append(f"Its history of {plural(len(group.rebalances), 'rebalance')} goes with it.")
    return [*said, "No record is lost. This cannot be undone."]


_HERE = ("groups",)

ACTIONS = (
    Action("groups.offsets", ("s", "m"), "offsets", "Moves what the group has committed: to the start, the end, "
           "an offset, by so many records or to a time. Shows what would follow first; u takes it back.", _move, _HERE,
           _can_move, priority=93),
    Action("groups.rebalance", ("v",), "rebalance", "Opens the rebalance under the cursor, else the newest: cause, "
           "phases, who got what, how long it stood still.", _open, _HERE, _has_rebalance, priority=91),
    Action("groups.delete", ("D",), "delete group", "Deletes an empty group with its committed offsets, after saying "
           "what would be lost.", _delete, ("groups.list",), _can_delete, destructive=True, priority=90),
)  # fmt: skip
