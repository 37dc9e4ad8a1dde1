"""Dialogs that spawn a producer or a consumer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.snapshot import World
from engine.types import TopicPartition
from engine.wording import plural
from engine.workload.spec import (
    ACKS,
    ASSIGNORS,
    COMMIT_RULES,
    COMPRESSIONS,
    ISOLATION_LEVELS,
    KEY_KINDS,
    MAX_RATE,
    PARTITIONERS,
    PROTOCOLS,
    REMOTE_ASSIGNORS,
    TEMPLATES,
    ConsumerSpec,
    KeyRule,
    ProducerSpec,
)
from engine.workload.templates import TEMPLATES as TEMPLATE_FIELDS
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values, decimal, milliseconds, whole
from tui.painting.text import clean, rate
from tui.scene import Scene
from tui.verbs import Lab


def own_topics(world: World) -> tuple[str, ...]:
    """Topics a person made, by name."""
    return tuple(topic.name for topic in world.topics if not topic.internal)


_MIGRATES = {
    "consumer": "Its members go on as they are; from now on the coordinator assigns, for them, too.",
    "classic": "The coordinator assigns for it, too, until only members of the classic protocol are left.",
}
"""What comes of a member that speaks another protocol than its group (`group.consumer.migration.policy`)."""


class NewProducer(Form[str]):
    """Spawns a producer; answers its name."""

    heading = "New producer"
    verb = "start"

    def fields(self) -> Sequence[Field]:
        """What it sends, to where, how fast, and how surely."""
        topics = own_topics(self.asked_in.world)
        looked_at = self.asked_in.topic
        topic = looked_at.name if looked_at and looked_at.name in topics else topics[0]
        return (
            Field("topic", "topic", topic, "Where it sends to.", topics),
            Field("template", "template", topic if topic in TEMPLATES else "orders",
                  "What its records are about: readable JSON.", TEMPLATES),
            Field("keys", "keys", "zipf",
                  "Records with one key go to one partition, in order. zipf: a few keys are far more frequent than the "
                  "rest. field: a field of the record.", KEY_KINDS),
            Field("many", "how many keys", "100", "How many different keys there are.",
                  when=lambda values: values["keys"] in ("uniform", "zipf")),
            Field("key", "the key", "everybody", "The one key of every record.",
                  when=lambda values: values["keys"] == "one"),
            Field("field", "key field", "", "Which field of the record is its key; empty: the one that names its "
                  "subject.", placeholder="the subject's id", when=lambda values: values["keys"] == "field"),
            Field("rate", "records/s", "20", f"How many it sends in a second, 0 to {MAX_RATE:,.0f}. Later: + and -."),
            Field("acks", "acks", "all", "all: acknowledged when every replica in sync has it. 1: when the leader has. "
                  "0: nobody answers, and losses go unseen.", ACKS),
            Field("idempotence", "idempotence", "on", "enable.idempotence. on: a batch sent again because its answer "
                  "was lost is stored once. off: it may lie in the log twice.", ("on", "off"),
                  when=lambda values: values["acks"] == "all"),
            Field("transactional", "transactional.id", "", "With one it sends in transactions: who reads committed "
                  "records sees each whole or not at all. An earlier producer of that id is fenced.",
                  placeholder="none: no transactions", when=_may_transact),
            Field("together", "records each", "50", "How many records are in a transaction.", when=_transacts),
            Field("aborts", "abort 1 of", "4", "1 of so many transactions is aborted: who reads uncommitted records "
                  "sees its records all the same. 0: none is.", when=_transacts),
            Field("partitioner", "partitioner", "default", "For records without a key. default: sticky, a batch at a "
                  "time (today's Kafka). roundrobin: record by record (the older rule).", PARTITIONERS),
            Field("compression", "compression", "none", "compression.type: how its batches are packed.", COMPRESSIONS),
            Field("linger", "linger.ms", "5", "How long it waits for a batch to fill before sending it."),
            Field("name", "name", "", "Its client id; empty: the lab chooses.", placeholder="the lab chooses"),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What will flow, and into which partitions."""
        spec = self._read(values)
        topic = self.asked_in.world.topic(spec.topic)
        count = len(topic.partitions) if topic else 1
        kind = spec.keys.kind
        if kind == "none":
            spread = f"spread over its {plural(count, 'partition')}, in no order between them"
        elif kind == "one":
            spread = "all into one partition, since they share a key"
        else:
            spread = f"each key always into the same of its {plural(count, 'partition')}"
        together = f" Transactions: {spec.transactions()}." if spec.transactional_id else ""
        return f"{rate(spec.rate)} to {spec.topic}, {spread}.{together}"

    async def apply(self, values: Values, lab: Lab) -> str:
        """Spawn it."""
        return await lab.workload.spawn_producer(self._read(values))

    def _read(self, values: Values) -> ProducerSpec:
        kind, many, name = values["keys"], 100, ""
        if kind in ("uniform", "zipf"):
            many = whole(values, "many", "how many keys", 1, 1_000_000)
        elif kind == "one":
            name = values["key"]
            if not name:
                raise FormError("key", "Give the key that every record shall have, or choose keys: none.")
        elif kind == "field":
            template = TEMPLATE_FIELDS[values["template"]]
            name = values["field"].strip() or template.subject
            if name not in template.fields:
                raise FormError("field", f"{values['template']} can be keyed by: {', '.join(template.fields)}.")
        return ProducerSpec(
            topic=values["topic"],
            name=values["name"] or None,
            template=values["template"],
            keys=KeyRule(kind, many, name),
            rate=decimal(values, "rate", "records/s", 0, MAX_RATE),
            acks=values["acks"],
            partitioner=values["partitioner"],
            compression=values["compression"],
            linger_ms=milliseconds(values, "linger", "linger.ms"),
            idempotence=values["idempotence"] == "on",
            **(_transactions(values) if _transacts(values) else {}),
        ).check()


def _may_transact(values: Values) -> bool:
    return values["acks"] == "all" and values["idempotence"] == "on"


def _transacts(values: Values) -> bool:
    return _may_transact(values) and bool(values["transactional"])


def _transactions(values: Values) -> dict[str, Any]:
    return {
        "transactional_id": values["transactional"],
        "records_per_transaction": whole(values, "together", "records each", 1, 100_000),
        "abort_every": whole(values, "aborts", "abort 1 of", 0, 100_000),
    }


class NewConsumer(Form[str]):
    """Spawns a consumer, and with it a group when there is none of that name; answers its name."""

    heading = "New consumer"
    verb = "start"

    def __init__(self, scene: Scene, group_id: str, heading: str = "") -> None:
        super().__init__(scene)
        self._group_id = group_id
        self._heading = heading

    def title_shown(self) -> str:
        """What was asked for."""
        return self._heading or self.heading

    def fields(self) -> Sequence[Field]:
        """Its group, what it reads, how fast it works and when it commits."""
        world = self.asked_in.world
        groups, topics = tuple(group.group_id for group in world.groups), own_topics(world)
        group = world.group(self._group_id)
        read = [topic for member in group.members for topic in member.topics] if group else []
        read = read or ([topic for topic in group.topics if topic in topics] if group else [])
        looked_at = self.asked_in.topic
        topic = looked_at.name if looked_at and looked_at.name in topics else topics[0]
        assignor = group.assignor if group and group.assignor in ASSIGNORS else "range"
        remote = group.assignor if group and group.assignor in REMOTE_ASSIGNORS else "uniform"
        protocol = group.protocol.value if group and group.members else "classic"
        there = f" There are: {', '.join(clean(name) for name in groups[:6])}." if groups else ""
        return (
            Field("group", "group", self._group_id,
                  f"group.id: its members share the partitions; each group gets every record.{there}",
                  suggestions=groups),
            Field("topics", "topics", ", ".join(dict.fromkeys(read)) or topic,
                  "What it subscribes to, with commas between.", suggestions=topics),
            Field("processing", "processing time", "20", "How long it works on each record, in ms. Later: + and -."),
            Field("jitter", "jitter", "0.3", "How much that varies: 0 not at all, 1 up to double."),
            Field("commit", "commit rule", "auto", "auto: every 5 s, as by default. after: once processed, so a crash "
                  "repeats records. before: at once, so it loses them.", COMMIT_RULES),
            Field("protocol", "group protocol", protocol, "classic: members join, wait for each other, and one "
                  "assigns. consumer: the coordinator assigns, and only what moves stops.", PROTOCOLS),
            Field("assignor", "assignor", assignor, "Who gets what. cooperative-sticky moves only what must move, "
                  "while the others work on; the rest stop everybody.", ASSIGNORS, when=_is_classic),
            Field("remote", "assignor", remote, "group.remote.assignor; the group uses what most ask for. "
                  "uniform: even, little moves. range: runs of neighbours in each topic.",
                  REMOTE_ASSIGNORS, when=lambda values: not _is_classic(values)),
            Field("reset", "auto.offset.reset", "earliest", "Where it begins when its group has committed nothing.",
                  ("earliest", "latest", "none")),
            Field("session", "session.timeout", "10s", "How long its group waits for a heartbeat before it drops "
                  "it. Kafka's default is 45 s; here 10 s, so that a crash can be watched.", when=_is_classic),
            Field("isolation", "isolation.level", "read_uncommitted", "read_uncommitted: all there is. read_committed: "
                  "no record of an aborted transaction, and none behind one that is open.", ISOLATION_LEVELS),
            Field("poll", "max.poll.interval", "5m", "max.poll.interval.ms: how long it may work without polling "
                  "before it leaves the group."),
            Field("instance", "instance id", "", "group.instance.id makes it a static member: away for less than its "
                  "session timeout, it comes back without a rebalance.", placeholder="none: a dynamic member"),
            Field("name", "name", "", "Its client id; empty: the lab chooses.", placeholder="the lab chooses"),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """Who will share what with whom."""
        spec, world = self._read(values), self.asked_in.world
        group = world.group(spec.group_id)
        members = len(group.members) + 1 if group else 1
        found = [topic for name in spec.topics if (topic := world.topic(name)) is not None]
        partitions = [TopicPartition(topic.name, part.partition) for topic in found for part in topic.partitions]
        pace = f" It can do {rate(1000 / spec.processing_ms)}." if spec.processing_ms else ""
        if group is None:
            said = (
                f"{spec.group_id} is a new group: it gets a full copy of {', '.join(spec.topics)}, whoever else reads."
            )
        elif members > len(partitions):
            said = (
                f"{members} members for {plural(len(partitions), 'partition')}: {members - len(partitions)} will idle."
            )
        else:
            said = f"{spec.group_id} rebalances: {members} members will share {plural(len(partitions), 'partition')}."
            if spec.protocol == "consumer":
                said = (
                    f"{spec.group_id} enters its next epoch: {members} members will share "
                    f"{plural(len(partitions), 'partition')}, and only those that move stand still."
                )
        if group is not None and group.members and group.protocol.value != spec.protocol:
            said = f"{said} {_MIGRATES[spec.protocol]}"
        return said + pace

    async def apply(self, values: Values, lab: Lab) -> str:
        """Spawn it."""
        return await lab.workload.spawn_consumer(self._read(values))

    def _read(self, values: Values) -> ConsumerSpec:
        world = self.asked_in.world
        topics = tuple(dict.fromkeys(part.strip() for part in values["topics"].split(",") if part.strip()))
        unknown = [topic for topic in topics if world.topic(topic) is None]
        if unknown:
            raise FormError("topics", f"There is no topic {unknown[0]!r}; there are: {', '.join(own_topics(world))}.")
        if not values["group"]:
            raise FormError("group", "A consumer needs a group; any name will do, and a new one makes a new group.")
        classic = _is_classic(values)
        session = milliseconds(values, "session", "session.timeout", 1_000) if classic else 10_000
        return ConsumerSpec(
            group_id=values["group"],
            topics=topics,
            isolation_level=values["isolation"],
            name=values["name"] or None,
            assignor=values["assignor"] if classic else values["remote"],
            protocol=values["protocol"],
            processing_ms=decimal(values, "processing", "processing time", 0, 3_600_000),
            jitter=decimal(values, "jitter", "jitter", 0, 1),
            commit=values["commit"],
            auto_offset_reset=values["reset"],
            session_timeout_ms=session,
            heartbeat_interval_ms=min(3_000, session // 3),
            max_poll_interval_ms=milliseconds(values, "poll", "max.poll.interval", 1_000),
            group_instance_id=values["instance"] or None,
        ).check()


def _is_classic(values: Values) -> bool:
    return values["protocol"] == "classic"


def free_group_name(world: World) -> str:
    """A name no group has yet."""
    taken = {group.group_id for group in world.groups}
    usual = ("billing", "shipping", "analytics", "search", "audit", "fraud")
    fresh = (f"group-{at}" for at in range(1, len(taken) + 2))
    return next(name for name in (*usual, *fresh) if name not in taken)
