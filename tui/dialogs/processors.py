"""The dialog that spawns a processor: it reads a topic in a group and writes to another."""

from __future__ import annotations

from collections.abc import Sequence

from engine.workload.spec import ISOLATION_LEVELS, ConsumerSpec
from tui.dialogs.clients import own_topics
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values, decimal, milliseconds
from tui.painting.text import clean
from tui.verbs import Lab

_COMMIT = "after"


class NewProcessor(Form[str]):
    """Spawns a processor, and makes the topic it writes to when there is none of that name; answers its name."""

    heading = "New processor: consume, transform, produce"
    verb = "start"

    def fields(self) -> Sequence[Field]:
        """What it reads, where it writes, and whether both count together."""
        world = self.asked_in.world
        topics = own_topics(world)
        looked_at = self.asked_in.topic
        topic = looked_at.name if looked_at and looked_at.name in topics else topics[0]
        groups = tuple(group.group_id for group in world.groups)
        return (
            Field("reads", "reads", topic, "The topic it consumes.", topics),
            Field("writes", "writes to", f"{topic}-done", "Where it produces one record for each; a topic that is not "
                  "there is made.", suggestions=topics),
            Field("group", "group", f"{topic}-processing", "group.id: its members share the partitions.",
                  suggestions=groups),
            Field("transactions", "transactions", "on", "on: what it writes and its offsets count together or not at "
                  "all. off: after a crash it writes some records twice.", ("on", "off")),
            Field("timeout", "transaction.timeout", "10s", "How long a transaction may be open before its coordinator "
                  "aborts it. Kafka's default is 60 s.", when=lambda values: values["transactions"] == "on"),
            Field("isolation", "isolation.level", "read_committed", "Whether it passes over records of aborted "
                  "transactions in what it reads.", ISOLATION_LEVELS),
            Field("processing", "processing time", "20", "How long it works on each record, in ms. Later: + and -."),
            Field("name", "name", "", "Its client id, and its transactional.id; empty: the lab chooses.",
                  placeholder="the lab chooses"),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What will be written, and what a crash will do to it."""
        spec = self._read(values)
        world = self.asked_in.world
        made = "" if world.topic(spec.writes_to) else f" {clean(spec.writes_to)} is made."
        if spec.transactional:
            what = "A crash repeats nothing for who reads committed records: the ledger will show each once."
        else:
            what = "A crash will write some records again: the ledger will show which."
        return f"One record in {clean(spec.writes_to)} for each of {clean(spec.topics[0])}.{made} {what}"

    async def apply(self, values: Values, lab: Lab) -> str:
        """Make the topic if need be, and spawn it."""
        spec = self._read(values)
        world = lab.snapshot()
        source = world.topic(spec.topics[0])
        if world.topic(spec.writes_to) is None and source is not None:
            await lab.create_topic(spec.writes_to, len(source.partitions), source.replication_factor)
        return await lab.workload.spawn_consumer(spec)

    def _read(self, values: Values) -> ConsumerSpec:
        reads, writes = values["reads"], values["writes"].strip()
        if not writes:
            raise FormError("writes", "Give the topic it writes to; one that is not there is made.")
        if writes == reads:
            raise FormError("writes", f"A processor that reads {clean(reads)} and writes to it would never end.")
        if writes.startswith("__"):
            raise FormError("writes", f"{clean(writes)} is Kafka's own; choose another topic.")
        if not values["group"]:
            raise FormError("group", "A processor needs a group; any name will do, and a new one makes a new group.")
        return ConsumerSpec(
            group_id=values["group"],
            topics=(reads,),
            name=values["name"] or None,
            processing_ms=decimal(values, "processing", "processing time", 0, 3_600_000),
            commit=_COMMIT,
            isolation_level=values["isolation"],
            writes_to=writes,
            transactional=values["transactions"] == "on",
            transaction_timeout_ms=milliseconds(values, "timeout", "transaction.timeout", 1_000)
            if values["transactions"] == "on"
            else 10_000,
        ).check()
