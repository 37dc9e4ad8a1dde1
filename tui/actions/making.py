"""Making and unmaking topics, producers, consumers, groups and records. Each opens a small form that is filled in
already, so that the key and `enter` are enough; dialogs are imported when they are first asked for.
"""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import TopicView
from tui.actions.table import Action, Context
from tui.painting.internal import holds
from tui.painting.text import clean
from tui.scene import Written
from tui.selection import SelectedPartition, SelectedProducer, SelectedRecord, group_of, topic_of
from tui.verbs import Trace

_NO_TOPIC = "There is no topic yet; press n to make one first."


def _has_topic(context: Context) -> str:
    return "" if any(not topic.internal for topic in context.world.topics) else _NO_TOPIC


def _topic(context: Context) -> TopicView | None:
    """The topic that is selected, or where the selected producer sends to, else the one looked at."""
    name = topic_of(context.selection)
    if isinstance(context.selection, SelectedProducer):
        producers = context.world.producers
        name = next((each.topic for each in producers if each.name == context.selection.name), None)
    return context.world.topic(name) if name else context.scene.topic


def _own_topic(context: Context) -> str:
    topic = _topic(context)
    if topic is None:
        return _NO_TOPIC
    if topic.internal:
        return f"{clean(topic.name)} is Kafka's own: its records say {holds(topic.name)}."
    return ""


def _any_topic(context: Context) -> str:
    return "" if _topic(context) else _NO_TOPIC


async def _new_topic(context: Context) -> None:
    from tui.dialogs.topics import NewTopic

    name = await context.app.push_screen_wait(NewTopic(context.scene))
    if name:
        context.app.look_at(topic=name)


async def _new_producer(context: Context) -> None:
    from tui.dialogs.clients import NewProducer

    await context.app.push_screen_wait(NewProducer(context.scene))


async def _new_consumer(context: Context) -> None:
    from tui.dialogs.clients import NewConsumer, free_group_name

    scene = context.scene
    group = group_of(context.selection, context.world)
    if group is None:
        looked_at = scene.group if scene.group in scene.groups else None
        group = looked_at.group_id if looked_at else free_group_name(scene.world)
    await context.app.push_screen_wait(NewConsumer(scene, group))


async def _new_group(context: Context) -> None:
    from tui.dialogs.clients import NewConsumer, free_group_name

    group = free_group_name(context.world)
    name = await context.app.push_screen_wait(NewConsumer(context.scene, group, "New group, with its first consumer"))
    started = next((each for each in context.lab.snapshot().consumers if each.name == name), None)
    if started is not None:
        context.app.look_at(group=started.group_id)


async def _new_processor(context: Context) -> None:
    from tui.dialogs.processors import NewProcessor

    name = await context.app.push_screen_wait(NewProcessor(context.scene))
    started = next((each for each in context.lab.snapshot().consumers if each.name == name), None)
    if started is not None:
        context.app.look_at(group=started.group_id)


async def _grow(context: Context) -> None:
    from tui.dialogs.topics import GrowTopic

    topic = _topic(context)
    if topic is not None:
        await context.app.push_screen_wait(GrowTopic(context.scene, topic))


async def _settings(context: Context) -> None:
    from tui.dialogs.settings import TopicSettings

    topic = _topic(context)
    if topic is not None:
        await context.app.push_screen_wait(TopicSettings(context.scene, topic))


async def _produce(context: Context) -> None:
    from tui.dialogs.record import AT_ONCE

    await _by_hand(context, AT_ONCE)


async def _follow(context: Context) -> None:
    from tui.dialogs.record import STEP_BY_STEP

    await _by_hand(context, STEP_BY_STEP)


async def _by_hand(context: Context, way: str) -> None:
    from tui.dialogs.record import ProduceRecord
    from tui.dialogs.way import WayOfARecord

    topic = _topic(context)
    if topic is None:
        return
    match context.selection:
        case SelectedPartition(tp) | SelectedRecord(tp) if context.mode.kind in ("records", "brokers"):
            partition: int | None = tp.partition
        case _:
            partition = None
    written = await context.app.push_screen_wait(ProduceRecord(context.scene, topic.name, partition, way))
    match written:
        case Written(tp, offset) if offset >= 0:
            context.app.look = replace(context.app.look, topic=tp.topic, partition=tp, offset=offset, written=written)
            shows = "" if context.mode.kind == "records" else " 2 shows it."
            context.app.say(f"Written to {tp} at offset {offset:,}.{shows}")
        case Written(tp):
            context.app.look = replace(context.app.look, written=written)
            context.app.say(f"Sent to {tp}; with acks=0 nobody is told whether it arrived.")
        case Trace():
            await context.app.push_screen_wait(WayOfARecord(written))


async def _delete_topic(context: Context) -> None:
    from tui.dialogs.confirm import Confirm
    from tui.dialogs.topics import lost_with

    topic, lab = _topic(context), context.lab
    if topic is not None:
        name = topic.name
        said = lost_with(topic, context.world)
        await context.app.push_screen_wait(
            Confirm(f"Delete {name}?", said, "delete it", lambda: lab.delete_topic(name))
        )


ACTIONS = (
    Action("topic.new", ("n",), "new topic", "Makes a topic; enter accepts what is filled in.", _new_topic,
           priority=92),
    Action("producer.new", ("p",), "producer", "Spawns a producer for the topic looked at; enter accepts what is "
           "filled in.", _new_producer, enabled=_has_topic, priority=95),
    Action("consumer.new", ("c",), "consumer", "Spawns a consumer in the group looked at, which rebalances; enter "
           "accepts what is filled in.", _new_consumer, enabled=_has_topic, priority=94),
    Action("group.new", ("o",), "new group", "Spawns a consumer in a group of its own, which gets a full copy of the "
           "topic, and looks at it.", _new_group, enabled=_has_topic, priority=45),
    Action("processor.new", ("t",), "processor", "Spawns a processor: it reads the topic looked at in a group of its "
           "own and writes to another topic, in transactions or without.", _new_processor, enabled=_has_topic,
           priority=43),
    Action("record.new", ("e",), "produce one", "Writes one record by hand: key, value, headers, partition.", _produce,
           enabled=_own_topic, priority=35),
    Action("record.follow", ("y",), "follow one", "Sends one record by hand and follows its way, station by station: "
           "leader, followers, high watermark, acknowledgement; its leader can be crashed at any of them.", _follow,
           enabled=_own_topic, priority=60),
    Action("topic.grow", ("a",), "add partitions", "Grows the topic; keys are spread anew from then on.", _grow,
           enabled=_own_topic, priority=33),
    Action("topic.settings", ("i",), "settings", "Shows the topic's settings with Kafka's defaults, and changes "
           "them.", _settings, enabled=_any_topic, priority=32),
    Action("topic.delete", ("K",), "delete topic", "Deletes the topic with its records and every offset committed in "
           "it, after saying what would be lost.", _delete_topic, enabled=_own_topic, destructive=True, priority=31),
)  # fmt: skip
