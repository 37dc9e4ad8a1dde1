"""Logs for sample worlds: every partition holds the records its figures say, made when they are read, always the same.

The browser over them is the engine's own; only what it reads from is made up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, TypeVar

from engine.clients.partitioners import partition_for_key
from engine.cluster.browser import Browser
from engine.groups.records import OffsetKey, OffsetValue, encode_key, encode_offset
from engine.messages import ListedOffset
from engine.records import BatchBuilder, stamp
from engine.replicas.producers import ProducerStates
from engine.snapshot import PartitionView, World
from engine.types import TopicPartition
from tests.tui import worlds

T = TypeVar("T")
Said = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
Says = Callable[[TopicPartition, int, int], Said]
"""(partition, how many partitions the topic has, offset) -> key, value, headers."""

BATCH = 20
APART_MS = 97
CITIES = ("Lisbon", "Osaka", "Quito", "Tromsø", "Nairobi", "Köln")


def orders(tp: TopicPartition, partitions: int, offset: int) -> Said:
    """Orders as a shop sends them; every third without a key."""
    dice = random.Random(offset * 64 + tp.partition)
    customer = dice.randrange(1, 400)
    if offset % 3:
        while partition_for_key(f"customer-{customer}".encode(), partitions) != tp.partition:
            customer += 1
    order = {
        "order": f"{dice.randrange(16**6):06x}",
        "customer": f"customer-{customer}",
        "total": dice.randrange(400, 26_000) / 100,
        "currency": "EUR",
        "items": [
            {"sku": f"sku-{dice.randrange(900):03d}", "quantity": dice.randrange(1, 5)}
            for _ in range(dice.randrange(1, 4))
        ],
        "ship_to": {"city": dice.choice(CITIES), "express": dice.random() < 0.3, "note": None},
    }
    key = f"customer-{customer}".encode() if offset % 3 else None
    return (
        key,
        json.dumps(order, ensure_ascii=False).encode(),
        (("trace-id", f"{dice.randrange(16**12):012x}".encode()),),
    )


def commits(tp: TopicPartition, partitions: int, offset: int) -> Said:
    """What a group commits whose records belong into the partition that is not empty in the sample worlds."""
    key = encode_key(OffsetKey("shop-4", "orders", offset % 6))
    value = encode_offset(OffsetValue(9_000 + offset * 7, "", int(worlds.NOW)))
    return key, None if offset % 50 == 49 else value, ()


HOSTILE_VALUES = (
    *(text.encode() for text in worlds.HOSTILE),
    b"\xff\xfe\x00broken utf-8 \xc3\x28 \xed\xa0\x80",
    bytes(range(256)),
    None,
    b"",
    b'{"markup": "[bold]x[/]", "esc": "\x1b[31mred", "nested": ' + b"[" * 40 + b"]" * 40 + b"}",
    json.dumps({"wide": "订单" * 40, "\u202ertl": "‏abc", "a": [-0.0, 1.10]}, ensure_ascii=False).encode(),
    b"x" * 1_000_000,
    ("y\u0301" * 3_000).encode(),
)


def hostile(tp: TopicPartition, partitions: int, offset: int) -> Said:
    """Anything at all."""
    value = HOSTILE_VALUES[offset % len(HOSTILE_VALUES)]
    key = (HOSTILE_VALUES[(offset * 5 + 2) % 6] or b"") if offset % 4 else b"\x00\x01\xff key"
    return key, value, (("[red]h\x1b[0m", b"\xff\x00"), ("订单", b"v\n\t"))


class LogStub:
    """A partition's leader, as far as the browser asks it."""

    def __init__(self, view: PartitionView, partitions: int, says: Says, apart_ms: int = APART_MS) -> None:
        self.view = view
        self.reads = 0
        self.producers = ProducerStates()
        self._partitions = partitions
        self._says = says
        self._apart_ms = apart_ms
        self._batch = lru_cache(maxsize=64)(self._make)

    @property
    def log(self) -> LogStub:
        """Itself: partition and log in one."""
        return self

    @property
    def log_start_offset(self) -> int:
        """The first offset."""
        return self.view.log_start_offset

    @property
    def high_watermark(self) -> int:
        """The end."""
        return self.view.high_watermark

    def timestamp(self, offset: int) -> int:
        """When the record at an offset was sent: partitions take turns."""
        return int(worlds.NOW) - 40 - (self._newest - offset) * self._apart_ms - self.view.partition * 13

    @property
    def _newest(self) -> int:
        return self.view.high_watermark - 1

    def _make(self, base: int, end: int, newest: int) -> bytes:
        builder = BatchBuilder(
            1 << 24, "none" if self.view.partition % 2 else "zstd", producer_id=7, producer_epoch=0, base_sequence=0
        )
        for offset in range(base, end):
            key, value, headers = self._says(self.view.tp, self._partitions, offset)
            builder.append(self.timestamp(offset), key, value, headers)
        return stamp(builder.build(), base, self.view.leader_epoch)

    def _batch_of(self, offset: int) -> bytes:
        base = offset // BATCH * BATCH
        return self._batch(base, min(base + BATCH, self.high_watermark), self._newest)

    async def read(self, offset: int, max_bytes: int, *, up_to: int) -> tuple[bytes, ...]:
        """A few batches from the one that holds `offset`."""
        self.reads += 1
        bases = range(offset // BATCH * BATCH, min(up_to, offset + 10 * BATCH), BATCH)
        return tuple(self._batch_of(base) for base in bases)

    async def read_before(self, offset: int, max_bytes: int) -> tuple[bytes, ...]:
        """A few batches up to the one that holds the record before `offset`."""
        self.reads += 1
        last = (offset - 1) // BATCH * BATCH
        first = max(self.log_start_offset // BATCH * BATCH, last - 9 * BATCH)
        return tuple(self._batch_of(base) for base in range(first, last + 1, BATCH))

    async def list_offset(self, timestamp: int) -> ListedOffset:
        """The first record at or after a time."""
        back = (self.timestamp(self._newest) - timestamp) // self._apart_ms
        offset = max(self.log_start_offset, self._newest - back)
        return ListedOffset(offset=offset) if offset <= self._newest else ListedOffset()


class StubBrowser(Browser):
    """The engine's browser over made-up logs of the world that `world` gives."""

    def __init__(self, world: Callable[[], World], says: Mapping[str, Says] | None = None) -> None:
        super().__init__(SimpleNamespace(leader=self._stub), lambda _: None)  # type: ignore[arg-type, return-value]
        self._world = world
        self._says = says or {}
        self.logs: dict[TopicPartition, LogStub] = {}

    def _stub(self, tp: TopicPartition) -> LogStub:
        world = self._world()
        view, topic = world.partition(tp), world.topic(tp.topic)
        assert view is not None
        assert topic is not None
        if tp not in self.logs:
            usual = hostile if world.lab == worlds.HOSTILE[3] else commits if topic.internal else orders
            self.logs[tp] = LogStub(view, len(topic.partitions), self._says.get(tp.topic, usual))
        self.logs[tp].view = view
        return self.logs[tp]


def answers(browser: Browser) -> dict[str, Any]:
    """What a fake cluster answers for `browser`'s verbs; nothing here ever waits, so each is answered at once."""

    def at_once(verb: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
        def call(*args: Any, **kwargs: Any) -> T:
            coroutine = verb(*args, **kwargs)
            try:
                coroutine.send(None)
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]
            raise RuntimeError(f"{verb.__name__} waits")

        return call

    names = ("read", "read_before", "onward", "backward", "offset_at")
    return {f"browser.{name}": at_once(getattr(browser, name)) for name in names}
