"""A world of names that try to break the screen."""

from __future__ import annotations

from engine.snapshot import World
from engine.types import TopicPartition
from tests.tui.worlds.parts import consumer, flow, group, member, producer, standing, topic, tps, world
from tests.tui.worlds.plain import ENDS

HOSTILE = (
    "[bold red]markup[/] [@click=app.exit]x[/]",
    "订单处理服务 オーダー 🦊🦊",
    "e\u0301a\u0308 z\u0363\u035b\u0321algo \u0301first",
    "esc\x1b[2J\x1b]0;title\x07 bell\x07 nul\x00 cr\r lf\n",
    "rtl \u202eabc\u202c \u2066iso\u2069 zero\u200bwidth",
    "a-name-so-long-that-it-cannot-fit-anywhere-" * 4,
)


def hostile() -> World:
    """Names that try to break the screen. Topics have Kafka's own rule for names; group and client ids have none."""
    names = HOSTILE
    members = tuple(member(at, name, tps("orders", at % 6)) for at, name in enumerate(names))
    offsets = [standing(TopicPartition("orders", at), end, members[at], 10 * at, at) for at, end in enumerate(ENDS)]
    longest = "a.topic-name_as-long-as.Kafka-allows." * 6
    return world(
        lab=names[3],
        topics=(topic("orders", ENDS), topic(longest, (1, 2, 3))),
        groups=tuple(group(name, members if at == 0 else (), offsets) for at, name in enumerate(names)),
        producers=tuple(
            producer(name, longest, 10.0, keys=f"one key: {name}", last_error=name) for name in names
        ),
        consumers=tuple(consumer(each, names[0], activity=names[3]) for each in members),
        throughput=flow(60, 59, 150),
        undo=names[0],
    )  # fmt: skip
