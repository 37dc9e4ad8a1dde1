"""Actions of the Lab: what lanes show, and the scrub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from tui.actions.table import Action, Context
from tui.painting.text import clean
from tui.panels.lab.lanes import Lanes
from tui.scrubbing import Move
from tui.selection import SelectedConsumer, SelectedMember, SelectedPartition, SelectedProducer

if TYPE_CHECKING:
    from tui.modes.lab import LabMode

Run = Callable[[Context], Awaitable[None]]


def _mode(context: Context) -> LabMode:
    return cast("LabMode", context.mode)


def _lanes(context: Context) -> Lanes:
    return context.mode.query_one(Lanes)


# What lanes show ---------------------------------------------------------------------------------------------


def _has_topic(context: Context) -> str:
    return "" if context.scene.topic else "There is no topic yet; press n to make one first."


def _has_group(context: Context) -> str:
    topic = context.scene.topic
    if topic is None or context.scene.groups:
        return _has_topic(context)
    return f"No group reads {clean(topic.name)} yet; press c to start a consumer."


async def _groups_on_lanes(context: Context) -> None:
    lanes = _lanes(context)
    lanes.show_groups = not lanes.show_groups
    lanes.update()
    _mode(context).rewire()


async def _whole_logs(context: Context) -> None:
    lanes = _lanes(context)
    lanes.show_whole = not lanes.show_whole
    lanes.rescale()
    context.app.say("Lanes show whole logs." if lanes.show_whole else "Lanes show the newest records.")


def _step(what: str, by: int) -> Run:
    async def run(context: Context) -> None:
        scene, mode = context.scene, _mode(context)
        if what == "topic":
            names = [topic.name for topic in scene.world.topics]
            now = scene.topic.name if scene.topic else ""
            mode.look_at_topic(names[(names.index(now) + by) % len(names)])
        else:
            names = [group.group_id for group in scene.world.groups]
            shown = mode.group
            at = names.index(shown.group_id) if shown else -max(by, 0)
            mode.look_at_group(names[(at + by) % len(names)])

    return run


def _has_topics(context: Context) -> str:
    topics = context.world.topics
    if len(topics) == 1:
        return f"{clean(topics[0].name)} is the only topic."
    return _has_topic(context)


def _has_groups(context: Context) -> str:
    groups = context.world.groups
    if not groups:
        return "There are no groups yet; press c to start a consumer, which makes one."
    if len(groups) == 1 and _mode(context).group is groups[0]:
        return f"{clean(groups[0].group_id)} is the only group."
    return ""


async def _details(context: Context) -> None:
    assert context.selection is not None
    _mode(context).inspect(context.selection, context)


def _has_details(context: Context) -> str:
    selected = context.selection
    if isinstance(selected, SelectedPartition | SelectedProducer | SelectedConsumer | SelectedMember):
        return ""
    return "Put the cursor on a partition, a producer or a consumer first."


# The scrub ---------------------------------------------------------------------------------------------------


def _can_scrub(context: Context) -> str:
    topic = context.scene.topic
    if topic is None:
        return _has_topic(context)
    return "" if topic.partitions else f"{clean(topic.name)} has no partitions."


async def _scrub(context: Context) -> None:
    selected = _lanes(context).selection
    if isinstance(selected, SelectedPartition):
        _mode(context).scrub(selected.tp)


async def _to_committed(context: Context) -> None:
    _mode(context).scrubber.move(Move.COMMITTED)


def _has_committed(context: Context) -> str:
    view = _mode(context).scrubber.view
    if view is None or view.committed is not None:
        return ""
    if view.group_id is None:
        return f"No group reads {clean(view.tp.topic)}."
    return f"{clean(view.group_id)} has committed nothing in {clean(str(view.tp))}."


def _can_apply(context: Context) -> str:
    view = _mode(context).scrubber.view
    if view is not None and view.refused and not view.asking:
        return view.sentence
    return ""


def _has_standing(context: Context) -> str:
    view = _mode(context).scrubber.view
    if view is not None and view.group_id is None:
        return f"No group reads {clean(view.tp.topic)}; press c to start a consumer."
    return ""


async def _to_time(context: Context) -> None:
    from tui.dialogs.going import GoTo

    scrubber = _mode(context).scrubber
    if scrubber.view is not None:
        await context.app.push_screen_wait(GoTo(context.scene, scrubber))


async def _scope(context: Context) -> None:
    _mode(context).scrubber.toggle_scope()


async def _apply(context: Context) -> None:
    context.app.say(await _mode(context).scrubber.apply())


async def _undo(context: Context) -> None:
    context.app.say(f"Undone: {await _mode(context).scrubber.undo()}")


def _can_undo(context: Context) -> str:
    return "" if context.world.undo else "There is nothing to undo yet; enter applies the scrub."


async def _leave(context: Context) -> None:
    _mode(context).scrubber.stop()


_HERE = ("lab",)
_SCRUB = ("lab.scrub",)

ACTIONS = (
    Action("lab.scrub", ("s",), "scrub", "Puts a cursor on the partition: move it to any record, see what moving the "
           "group there would do, then apply it or leave.", _scrub, _HERE, _can_scrub, priority=93),
    Action("lab.groups", ("m",), "all groups", "Shows how far every group has come under each lane; each of them gets "
           "every record.", _groups_on_lanes, _HERE, _has_group, priority=44),
    Action("lab.details", ("d",), "details", "Says everything about the partition, producer or consumer under the "
           "cursor; for a partition also what its marks mean.", _details, _HERE, _has_details, priority=43),
    Action("lab.whole", ("f",), "whole log", "Lanes show whole logs, or only the newest records.", _whole_logs, _HERE,
           _has_topic, priority=28),
    Action("lab.topic.next", ("]",), "next topic", "Looks at the next topic, and a group that reads it.",
           _step("topic", 1), _HERE, _has_topics, priority=30, pair="topic"),
    Action("lab.topic.previous", ("[",), "previous topic", "Looks at the topic before, and a group that reads it.",
           _step("topic", -1), _HERE, _has_topics, pair="topic"),
    Action("lab.group.next", ("}",), "next group", "Looks at the next group, and a topic it reads.",
           _step("group", 1), _HERE, _has_groups, priority=29, pair="group"),
    Action("lab.group.previous", ("{",), "previous group", "Looks at the group before, and a topic it reads.",
           _step("group", -1), _HERE, _has_groups, pair="group"),
    Action("scrub.apply", ("enter",), "apply", "Moves the group to the cursor; u takes it back.", _apply, _SCRUB,
           _can_apply, priority=120),
    Action("scrub.undo", ("u",), "undo", "Takes back the last change of a group's offsets.", _undo, _SCRUB, _can_undo,
           priority=119),
    Action("scrub.leave", ("escape",), "leave", "Leaves the scrub; nothing has changed unless it was applied.", _leave,
           _SCRUB, priority=118),
    Action("scrub.committed", ("m",), "committed", "Moves the cursor to what the group has committed.",
           _to_committed, _SCRUB, _has_committed, priority=115),
    Action("scrub.time", ("t",), "go to", "Moves the cursor to a time or an offset.", _to_time, _SCRUB, priority=116),
    Action("scrub.scope", ("v",), "whole group", "Moves this partition alone, or the whole group to the time of the "
           "record under the cursor.", _scope, _SCRUB, _has_standing, priority=114),
)  # fmt: skip
