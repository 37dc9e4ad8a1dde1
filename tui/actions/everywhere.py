"""Actions that work in every mode: modes, help, palette, undo, choosing what is looked at, and leaving."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tui.actions.table import Action, Context
from tui.painting.text import clean


async def _help(context: Context) -> None:
    context.app.show_help()


async def _learn(context: Context) -> None:
    """Go on with the lesson that is taken; where it waits for something, or none is taken, show them all."""
    from tui.dialogs.lessons import Lessons

    app, learning = context.app, context.app.learning
    if learning.ready:
        learning.go_on()
        if learning.lesson is not None:
            return
    lesson = await app.push_screen_wait(Lessons(learning))
    learning.invites = False
    if lesson is not None:
        learning.begin(lesson)
        await app.choose("lab")


async def _palette(context: Context) -> None:
    context.app.action_command_palette()


async def _theme(context: Context) -> None:
    context.app.search_themes()


async def _quit(context: Context) -> None:
    context.app.exit()


async def _screenshot(context: Context) -> None:
    context.app.save_picture()


async def _undo(context: Context) -> None:
    context.app.say(f"Undone: {clean(await context.lab.offsets.undo())}.")


def _can_undo(context: Context) -> str:
    return "" if context.world.undo else "There is nothing to undo; moving a group's offsets can be undone."


def _switch(mode: str) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        await context.app.choose(mode)

    return run


def _look(what: str, step: int) -> Callable[[Context], Awaitable[None]]:
    async def run(context: Context) -> None:
        scene = context.scene
        if what == "topic":
            names = [topic.name for topic in scene.world.topics]
            now = scene.topic.name if scene.topic else ""
        else:
            names = [group.group_id for group in scene.world.groups]
            now = scene.group.group_id if scene.group else ""
        chosen = names[(names.index(now) + step) % len(names)] if now in names else names[0]
        context.app.look_at(**{what: chosen})

    return run


def _has_topics(context: Context) -> str:
    topics = context.world.topics
    if not topics:
        return "There are no topics yet; press n to make one."
    return "" if len(topics) > 1 else f"{clean(topics[0].name)} is the only topic."


def _has_groups(context: Context) -> str:
    groups = context.world.groups
    if not groups:
        return "There are no groups yet; press c to start a consumer, which makes one."
    return "" if len(groups) > 1 else f"{clean(groups[0].group_id)} is the only group."


MODES = (("lab", "1", "Lab"), ("records", "2", "Records"), ("groups", "3", "Groups"), ("brokers", "4", "Brokers"))
_MODE_HELP = {
    "lab": "The whole flow on one screen: producers, partitions, consumers, and what happened.",
    "records": "Read any partition, record by record, and scrub offsets.",
    "groups": "A group's state machine, its members, their partitions, and its history of rebalances.",
    "brokers": "Every broker and every copy of a partition: who leads, who is in sync, and what happens when one dies.",
}

ACTIONS = (
    *(Action(f"mode.{mode}", (key,), label, _MODE_HELP[mode], _switch(mode)) for mode, key, label in MODES),
    Action(
        "learn",
        ("5",),
        "Learn",
        "Ten lessons, to be done in this lab: each says what to do, sees that it was done, and says what it shows.",
        _learn,
    ),
    Action("mode.transactions", ("6",), "Transactions", "Every transactional id: the states its transactions go "
           "through, their timeout, and who waits for them.", _switch("transactions")),
    Action("undo", ("u",), "undo", "Takes back the last change of a group's offsets.", _undo,
           enabled=_can_undo, priority=55),
    Action("topic.next", ("]",), "next topic", "Looks at the next topic.", _look("topic", 1),
           enabled=_has_topics, priority=30, pair="topic"),
    Action("topic.previous", ("[",), "previous topic", "Looks at the topic before.", _look("topic", -1),
           enabled=_has_topics, pair="topic"),
    Action("group.next", ("}",), "next group", "Looks at the next group.", _look("group", 1),
           enabled=_has_groups, priority=29, pair="group"),
    Action("group.previous", ("{",), "previous group", "Looks at the group before.", _look("group", -1),
           enabled=_has_groups, pair="group"),
    Action("help", ("?",), "help", "Shows what every key does, here and everywhere.", _help),
    Action("palette", ("ctrl+p",), "palette", "Finds an action by its name.", _palette, priority=10),
    Action("theme", (), "change theme", "Chooses another palette of colours.", _theme),
    Action("screenshot", ("ctrl+s",), "screenshot", "Saves this screen as a picture (SVG) beside the lab.",
           _screenshot),
    Action("quit", ("q",), "quit", "Leaves. The world is kept as it is, for the next time.", _quit, priority=5),
)  # fmt: skip
