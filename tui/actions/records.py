"""Actions of Records: what is read, where in it, and the scrub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from tui.actions.table import Action, Context
from tui.painting.text import clean
from tui.panels.records.asking import ask_filter, ask_place
from tui.scrubbing import Move

if TYPE_CHECKING:
    from tui.modes.records import RecordsMode

Run = Callable[[Context], Awaitable[None]]


def _mode(context: Context) -> RecordsMode:
    return cast("RecordsMode", context.mode)


def _has_topic(context: Context) -> str:
    return "" if context.scene.topic else "There is no topic yet; press n to make one first."


def _several(context: Context) -> str:
    topic = context.scene.topic
    if topic is None:
        return _has_topic(context)
    return "" if len(topic.partitions) > 1 else f"{clean(topic.name)} has one partition only; a adds more."


async def _filter(context: Context) -> None:
    ask_filter(_mode(context), context.scene)


async def _go(context: Context) -> None:
    ask_place(_mode(context), context.scene)


async def _follow(context: Context) -> None:
    mode = _mode(context)
    if mode.reader.following:
        mode.reader.following = False
        mode.moved()
    else:
        mode.go_to_end()


async def _mark(context: Context) -> None:
    context.app.say(_mode(context).next_mark())


def _has_marks(context: Context) -> str:
    topic = context.scene.topic
    if topic is None or context.scene.groups:
        return _has_topic(context)
    return f"No group reads {clean(topic.name)} yet; press c to start a consumer."


async def _look(context: Context) -> None:
    mode = _mode(context)
    look = mode.detail.next_look()
    if not mode.detail.display:
        context.app.say(f"Values are shown as {look.value}; enter opens the record.")


def _has_record(context: Context) -> str:
    return "" if _mode(context).reader.row is not None else "There is no record under the cursor."


async def _scrub(context: Context) -> None:
    _mode(context).begin_scrub()


# The scrub ---------------------------------------------------------------------------------------------------


async def _apply(context: Context) -> None:
    context.app.say(await _mode(context).scrubber.apply())


def _can_apply(context: Context) -> str:
    view = _mode(context).scrubber.view
    return view.sentence if view is not None and view.refused and not view.asking else ""


async def _undo(context: Context) -> None:
    context.app.say(f"Undone: {await _mode(context).scrubber.undo()}")


def _can_undo(context: Context) -> str:
    return "" if context.world.undo else "There is nothing to undo yet; enter applies the scrub."


async def _leave(context: Context) -> None:
    _mode(context).scrubber.stop()


async def _scope(context: Context) -> None:
    _mode(context).scrubber.toggle_scope()


def _has_group(context: Context) -> str:
    view = _mode(context).scrubber.view
    if view is not None and view.group_id is None:
        return f"No group reads {clean(view.tp.topic)}; press c to start a consumer."
    return ""


async def _committed(context: Context) -> None:
    mode = _mode(context)
    mode.scrubber.move(Move.COMMITTED)
    if mode.scrubber.view is not None and not mode.reader.merged:
        mode.go_to_offset(mode.scrubber.view.offset)


def _has_committed(context: Context) -> str:
    view = _mode(context).scrubber.view
    if view is None or view.committed is not None:
        return ""
    if view.group_id is None:
        return _has_group(context)
    return f"{clean(view.group_id)} has committed nothing in {clean(str(view.tp))}."


def _group(by: int) -> Run:
    async def run(context: Context) -> None:
        mode, names = _mode(context), [group.group_id for group in context.scene.groups]
        view = mode.scrubber.view
        if view is not None and names:
            now = names.index(view.group_id) if view.group_id in names else 0
            name = names[(now + by) % len(names)]
            context.app.look_at(group=name)
            mode.scrubber.switch(group_id=name)

    return run


_HERE, _LIST, _SCRUB = ("records",), ("records.log",), ("records.scrub",)


async def _partition_before(context: Context) -> None:
    _mode(context).step_partition(-1)


async def _partition_next(context: Context) -> None:
    _mode(context).step_partition(1)


ACTIONS = (
    Action("records.filter", ("/",), "filter", "Shows only records that match: text in key or value, key:…, value:…, "
           "header:…, offset:>=n, time:>=-5m, partition:n; all that is typed must hold.", _filter, _HERE, _has_topic,
           priority=98),
    Action("records.scrub", ("s",), "scrub", "Puts the cursor of a scrub on this record: see what moving the group "
           "there would do, then apply it or leave.", _scrub, _HERE, _has_topic, priority=97),
    Action("records.follow", ("f",), "follow", "Follows the end of the log, or stops following it; moving up stops "
           "it, too.", _follow, _HERE, _has_topic, priority=96),
    Action("records.go", ("t",), "go to", "Goes to an offset, a time (-5m, 00:03:12, ISO), the start, the end, or "
           "where a group stands.", _go, _HERE, _has_topic, priority=91),
    Action("records.mark", ("m",), "next group's offset", "Goes to the record that a group has to commit next; again: "
           "to the next group's.", _mark, _HERE, _has_marks, priority=90),
    Action("records.look", ("v",), "JSON/text/hex", "Shows values as JSON, as text, or byte by byte in hex.", _look,
           _HERE, _has_record, priority=89),
    Action("records.partition.before", ("left", "h"), "partition before", "Reads the partition before; before the "
           "first one all of them, merged by time.", _partition_before, _LIST, _several),
    Action("records.partition.next", ("right", "l"), "next partition", "Reads the next partition.", _partition_next,
           _LIST, _several),
    Action("records.scrub.apply", ("enter",), "apply", "Moves the group to the cursor; u takes it back.", _apply,
           _SCRUB, _can_apply, priority=120),
    Action("records.scrub.undo", ("u",), "undo", "Takes back the last change of a group's offsets.", _undo, _SCRUB,
           _can_undo, priority=119),
    Action("records.scrub.leave", ("escape", "s"), "leave", "Leaves the scrub; nothing has changed unless it was "
           "applied.", _leave, _SCRUB, priority=118),
    Action("records.scrub.committed", ("m",), "committed", "Moves the cursor to what the group has committed.",
           _committed, _SCRUB, _has_committed, priority=115),
    Action("records.scrub.scope", ("v",), "whole group", "Moves this partition alone, or every partition to the time "
           "of the record under the cursor.", _scope, _SCRUB, _has_group, priority=114),
    Action("records.scrub.group.next", ("}",), "next group", "Scrubs the next group.", _group(1), _SCRUB, _has_group,
           priority=113, pair="group"),
    Action("records.scrub.group.previous", ("{",), "group before", "Scrubs the group before.", _group(-1), _SCRUB,
           _has_group, pair="group"),
)  # fmt: skip
