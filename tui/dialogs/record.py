"""Writes one record by hand, at once or to be followed step by step, and says which partition its key leads to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.clients.partitioners import partition_for_key
from engine.wording import plural
from engine.workload.spec import ACKS
from tui.dialogs.clients import own_topics
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values
from tui.painting.text import size
from tui.scene import Scene, Written
from tui.verbs import Lab, Trace

BY_KEY = "by key"
AT_ONCE, STEP_BY_STEP = "at once", "step by step"
_WORTH = {
    "all": "It is acknowledged when every replica in sync has it.",
    "1": "It is acknowledged as soon as the leader has it.",
    "0": "No answer is waited for: nobody is told whether it arrives.",
}


class ProduceRecord(Form[Written | Trace]):
    """Produces one record; answers what was written where, or the trace of one that is followed step by step."""

    heading = "One record by hand"
    verb = "send it"

    def __init__(self, scene: Scene, topic: str, partition: int | None = None, way: str = AT_ONCE) -> None:
        super().__init__(scene)
        self._topic = topic
        self._partition = partition
        self._way = way

    def title_shown(self) -> str:
        """What it is for."""
        return self.heading if self._way == AT_ONCE else "Follow one record on its way"

    def fields(self) -> Sequence[Field]:
        """Where to, and what."""
        topics = own_topics(self.asked_in.world)
        most = max((len(topic.partitions) for topic in self.asked_in.world.topics if not topic.internal), default=1)
        partition = BY_KEY if self._partition is None else str(self._partition)
        acks = Field("acks", "acks", "all", "all: every replica in sync has it before it is acknowledged. 1: the "
                     "leader has it. 0: the producer waits for no answer.", ACKS)  # fmt: skip
        way = Field("way", "send it", self._way, "At once; or step by step, with a look at producer, leader and "
                    "followers at each station, while the world stands still.", (AT_ONCE, STEP_BY_STEP))  # fmt: skip
        followed = self._way == STEP_BY_STEP
        return (
            *((acks,) if followed else ()),
            Field("topic", "topic", self._topic, "Where it goes.", topics),
            Field("key", "key", "customer-42", "Records with one key go to one partition, in order. Empty: no key."),
            Field("kind", "value is", "text", "text as typed; JSON, checked; hex bytes; or null, a tombstone, which "
                  "deletes its key in a compacted topic.", ("text", "JSON", "hex", "null")),
            Field("value", "value", '{"hello": "world"}', "What it says.",
                  when=lambda values: values["kind"] != "null"),
            Field("headers", "headers", "", "Pairs like trace=7f3a, with commas between.", placeholder="none"),
            Field("partition", "partition", partition, "Left to the partitioner, or one of your own choice.",
                  (BY_KEY, *(str(at) for at in range(most)))),
            *(() if followed else (acks,)),
            way,
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """Which partition it will be in, and why."""
        key, value, _, partition = self._read(values)
        topic = self.asked_in.world.topic(values["topic"])
        count = len(topic.partitions) if topic else 1
        what, worth = size(len(value)) if value is not None else "A tombstone", _WORTH[values["acks"]]
        if partition is not None:
            return f"{what} into partition {partition}, whatever its key. {worth}"
        if key is None:
            return f"{what} without a key: any of the {plural(count, 'partition')}. {worth}"
        return f"{what} into partition {partition_for_key(key, count)}: murmur2 of the key, over {count}. {worth}"

    async def apply(self, values: Values, lab: Lab) -> Written | Trace:
        """Produce it, or hand it to a producer that waits to be let go."""
        key, value, headers, partition = self._read(values)
        topic, acks = values["topic"], values["acks"]
        if values["way"] == STEP_BY_STEP:
            return await lab.trace(topic, key, value, headers, partition, acks)
        metadata = await lab.browser.produce(topic, key, value, headers, partition, acks)
        return Written(metadata.topic_partition, metadata.offset, values["key"] or None)

    def _read(self, values: Values) -> tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...], int | None]:
        key = values["key"].encode() or None
        partition = None if values["partition"] == BY_KEY else int(values["partition"])
        topic = self.asked_in.world.topic(values["topic"])
        if topic is not None and partition is not None and partition >= len(topic.partitions):
            raise FormError("partition", f"{topic.name} has {plural(len(topic.partitions), 'partition')}, from 0 on.")
        return key, self._value(values), _headers(values), partition

    def _value(self, values: Values) -> bytes | None:
        kind, text = values["kind"], values["value"]
        if kind == "null":
            return None
        if kind == "JSON":
            try:
                json.loads(text)
            except ValueError as wrong:
                raise FormError("value", f"This is not JSON: {wrong}.") from None
        if kind == "hex":
            try:
                return bytes.fromhex(text)
            except ValueError:
                raise FormError("value", "Hex bytes are written like 48 65 6c 6c 6f.") from None
        return text.encode()


def _headers(values: Values) -> tuple[tuple[str, bytes], ...]:
    headers = []
    for part in values["headers"].split(","):
        if not part.strip():
            continue
        name, equals, value = part.strip().partition("=")
        if not equals or not name:
            raise FormError("headers", f"A header is written name=value; {part.strip()!r} is not.")
        headers.append((name, value.encode()))
    return tuple(headers)
