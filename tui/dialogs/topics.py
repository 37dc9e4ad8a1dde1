"""Dialogs about topics: a new one, more partitions, and what would be lost by deleting one."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import TopicConfig
from engine.controller import MOST_PARTITIONS, check_name
from engine.errors import InvalidTopicError, TopicAlreadyExistsError
from engine.snapshot import TopicView, World
from engine.wording import plural
from engine.workload.spec import TEMPLATES
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values, byte_count, in_units, milliseconds, whole
from tui.painting.text import clean, number, size
from tui.scene import Scene
from tui.verbs import Lab

_DEFAULTS = TopicConfig()


def free_topic_name(world: World) -> str:
    """A name no topic has yet: that of a template, else a numbered one."""
    taken = {topic.name for topic in world.topics}
    fresh = (f"topic-{at}" for at in range(1, len(taken) + 2))
    return next(name for name in (*TEMPLATES, *fresh) if name not in taken)


class NewTopic(Form[str]):
    """Makes a topic; answers its name."""

    heading = "New topic"

    def fields(self) -> Sequence[Field]:
        """Name, partitions, and the settings one chooses at the start."""
        return (
            Field("name", "name", free_topic_name(self.asked_in.world),
                  "Letters, digits, dots, dashes and underscores, at most 249 of them."),
            Field("partitions", "partitions", "6",
                  "The log is cut into so many; a group can share the work among as many members, and no more."),
            Field("copies", "copies", str(min(3, self._alive())),
                  "The replication factor: how many brokers keep each partition, so that some may die. Kafka's is 1."),
            Field("min.insync.replicas", "min.insync", "1",
                  "min.insync.replicas: how many copies must be in sync for acks=all. With 3 copies, 2 is usual.",
                  when=lambda values: values["copies"].strip() != "1"),
            Field("cleanup.policy", "cleanup.policy", "delete",
                  "delete: old records go after their time. compact: the newest record of each key stays for ever.",
                  ("delete", "compact", "compact,delete")),
            Field("retention.ms", "retention.ms", in_units(_DEFAULTS.retention_ms),
                  "How long records are kept: 90s, 10m, 2h, 7d; -1 keeps them for ever. Kafka's default is 7d.",
                  when=lambda values: "delete" in values["cleanup.policy"]),
            Field("retention.bytes", "retention.bytes", "-1",
                  "How large a partition may grow: 500kB, 10MB; -1 sets no limit, which is Kafka's default.",
                  when=lambda values: "delete" in values["cleanup.policy"]),
            Field("compression.type", "compression.type", "producer",
                  "The compression stored; producer keeps what came.",
                  ("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd")),
            Field("message.timestamp.type", "timestamp.type", "CreateTime",
                  "message.timestamp.type: whose clock stamps records, the producer's or the broker's.",
                  ("CreateTime", "LogAppendTime")),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """Where its partitions would lie."""
        name, partitions, copies, config = self._read(values)
        spread = f"spread over {plural(min(self._alive(), partitions * copies), 'broker')}"
        told = "".join(f", {key}={value}" for key, value in config.items())
        kept = "one copy" if copies == 1 else f"{copies} copies"
        return f"{name}: {plural(partitions, 'partition')} {spread}, {kept} of each{told}."

    async def apply(self, values: Values, lab: Lab) -> str:
        """Make it."""
        name, partitions, copies, config = self._read(values)
        await lab.create_topic(name, partitions=partitions, replication_factor=copies, config=config)
        return name

    def _alive(self) -> int:
        return sum(broker.alive for broker in self.asked_in.world.brokers) or 1

    def _read(self, values: Values) -> tuple[str, int, int, dict[str, str]]:
        name = values["name"].strip()
        try:
            check_name(name)
        except InvalidTopicError as wrong:
            raise FormError("name", str(wrong)) from None
        if self.asked_in.world.topic(name) is not None:
            raise FormError("name", str(TopicAlreadyExistsError(f"There is a topic {name!r} already; choose another.")))
        partitions = whole(values, "partitions", "partitions", 1, MOST_PARTITIONS)
        copies = whole(values, "copies", "copies", 1, self._alive())
        insync = whole(values, "min.insync.replicas", "min.insync.replicas", 1, copies) if copies > 1 else 1
        config = {name: values[name] for name in ("cleanup.policy", "compression.type", "message.timestamp.type")}
        if "delete" in values["cleanup.policy"]:
            config["retention.ms"] = str(milliseconds(values, "retention.ms", "retention.ms", -1))
            config["retention.bytes"] = str(byte_count(values, "retention.bytes", "retention.bytes", -1))
        config["min.insync.replicas"] = str(insync)
        settings = TopicConfig.settings()
        return name, partitions, copies, {
            key: text for key, text in config.items() if settings[key].parse(text) != settings[key].default
        }  # fmt: skip


class GrowTopic(Form[int]):
    """Adds partitions to a topic; answers how many there are then."""

    heading = "More partitions"
    verb = "grow"

    def __init__(self, scene: Scene, topic: TopicView) -> None:
        super().__init__(scene)
        self._topic = topic

    def title_shown(self) -> str:
        """With the topic's name."""
        return f"More partitions for {self._topic.name}"

    def fields(self) -> Sequence[Field]:
        """How many in total."""
        now = len(self._topic.partitions)
        return (
            Field("total", "partitions in total", str(now * 2 if now < 4 else now + 3),
                  f"There are {now}. A topic can grow, never shrink."),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What becomes of keys, and who rebalances."""
        now, total = len(self._topic.partitions), self._total(values)
        groups = [group.group_id for group in self.asked_in.world.groups_of(self._topic.name) if group.members]
        rebalance = f" {', '.join(groups)} will rebalance once it sees them." if groups else ""
        return (
            f"P{now}{f' to P{total - 1}' if total - now > 1 else ''} will be new and empty. Keys are spread anew over "
            f"{total}: a key's older records stay where they are, so its order holds only from then on.{rebalance}"
        )

    async def apply(self, values: Values, lab: Lab) -> int:
        """Grow it."""
        total = self._total(values)
        await lab.create_partitions(self._topic.name, total)
        return total

    def _total(self, values: Values) -> int:
        now = len(self._topic.partitions)
        total = whole(values, "total", "partitions in total", 1, MOST_PARTITIONS)
        if total <= now:
            raise FormError("total", f"There are {now} already, and a topic cannot shrink; give more than {now}.")
        return total


def lost_with(topic: TopicView, world: World) -> list[str]:
    """What deleting a topic would take with it, in sentences."""
    records = sum(partition.span for partition in topic.partitions)
    held = sum(partition.size_bytes for partition in topic.partitions)
    said = [
        f"{plural(len(topic.partitions), 'partition')} with {plural(records, 'record')} ({size(held)}) will be gone."
    ]
    producers = [producer.name for producer in world.producers if producer.topic == topic.name]
    if producers:
        said.append(f"{_names(producers)} will have nowhere to send to.")
    for group in world.groups_of(topic.name):
        offsets = sum(offset.committed is not None for offset in group.offsets if offset.topic == topic.name)
        readers = sum(topic.name in member.topics for member in group.members)
        stands = f"{plural(offsets, 'committed offset')} of {clean(group.group_id)}" if offsets else ""
        reads = f"{plural(readers, 'member')} of {clean(group.group_id)} will lose what it reads" if readers else ""
        if stands and reads:
            said.append(f"{stands} will be forgotten; {number(readers)} of its members will lose what they read.")
        elif stands or reads:
            said.append(f"{stands} will be forgotten." if stands else f"{reads}.")
    return [*said, "This cannot be undone."]


def _names(names: list[str], most: int = 4) -> str:
    shown = ", ".join(clean(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
