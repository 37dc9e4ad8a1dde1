"""Requests as Kafka's schemas allow them, and the same with something wrong in them; all from one seed.

By hand, for as long as one likes: `python -m tests.wire.fuzzing --cases 100000 --seed 1`.
"""

from __future__ import annotations

import argparse
import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from time import time_ns

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.events import EventLog
from engine.records import BatchBuilder
from engine.wire import primitives as wire
from engine.wire import schema
from engine.wire.apis import APIS
from engine.wire.schema import FIXED, Field, Struct
from tests.wire.peer import Peer

API_VERSIONS, PRODUCE = 18, 0
PRODUCE_SINCE = 3
"""Older versions are listed for the sake of old clients, and have no schema."""
NAMES = ("orders", "orders", "billing", "new", "__consumer_offsets", "", "a b", "\x1b[31m", "x" * 300, "name")
NUMBERS = (0, 0, 0, 1, 1, 2, 3, -1, -2, 5, 100, 1_000)
ODD = (2**31 - 1, -(2**31), 2**15, 65_536)
LOOKS = 6
"""How often another client is answered before a request that is not answered counts as waiting."""


class Fuzzer:
    """Makes requests, good ones and bad ones."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._mutations: tuple[Callable[[bytearray], None], ...] = (
            self._flip, self._cut, self._lie, self._repeat, self._insert, self._swap,
        )  # fmt: skip

    def request(self) -> tuple[int, int, bytes]:
        """The key, version and bytes (header and body) of a request that can be read."""
        api = self._rng.choice(tuple(APIS.values()))
        first = PRODUCE_SINCE if api.key == PRODUCE else api.first
        version = self._rng.randint(first, api.last)
        plan = schema.request(api.key, version)
        head = struct.pack(">hhi", api.key, version, self._rng.randrange(1 << 31)) + wire.string("fuzz")
        return api.key, version, head + (b"\0" if plan.flexible else b"") + self._struct(plan)

    def broken(self, data: bytes) -> bytes:
        """The same with one or two things wrong."""
        out = bytearray(data)
        for _ in range(self._rng.randint(1, 2)):
            self._rng.choice(self._mutations)(out)
        return bytes(out)

    def lied(self, data: bytes) -> bytes:
        """A frame whose length may not be that of what follows."""
        wrong = (len(data) + 5, -1, 0, 2**31 - 1, len(data) // 2)
        size = self._rng.choice(wrong) if self._rng.random() < 0.1 else len(data)
        return struct.pack(">i", size) + data

    # Good ones

    def _struct(self, plan: Struct) -> bytes:
        out = b"".join(self._field(one, plan.flexible) for one in plan.fields if one.tag is None)
        if not plan.flexible:
            return out
        tagged = [one for one in plan.fields if one.tag is not None and self._rng.random() < 0.5]
        unknown = [(99, b"what is this")] if self._rng.random() < 0.2 else []
        given = [
            (one.tag or 0, self._field(one, True)) for one in sorted(tagged, key=lambda one: one.tag or 0)
        ] + unknown
        return (
            out
            + wire.varint(len(given))
            + b"".join(wire.varint(tag) + wire.varint(len(data)) + data for tag, data in given)
        )

    def _field(self, one: Field, flexible: bool) -> bytes:
        if not one.array:
            return self._one(one, flexible)
        size = wire.compact_array if flexible else wire.array
        if one.nullable and self._rng.random() < 0.2:
            return size(None)
        count = self._rng.choice((0, 1, 1, 1, 2, 3))
        return size(count) + b"".join(self._one(one, flexible) for _ in range(count))

    def _one(self, one: Field, flexible: bool) -> bytes:
        null = one.nullable and not one.array and self._rng.random() < 0.3
        if one.of is not None:
            if one.nullable and not one.array:
                return b"\xff" if null else b"\x01" + self._struct(one.of)
            return self._struct(one.of)
        if one.kind in FIXED:
            return self._fixed(FIXED[one.kind])
        if one.kind == "string":
            return (wire.compact_string if flexible else wire.string)(None if null else self._rng.choice(NAMES))
        data = (
            None
            if null
            else self._records()
            if one.kind == "records"
            else self._rng.randbytes(self._rng.choice((0, 4, 60)))
        )
        return (wire.compact_blob if flexible else wire.blob)(data)

    def _fixed(self, form: str) -> bytes:
        if form == "16s":
            return self._rng.choice((bytes(16), self._rng.randbytes(16)))
        if form == "?":
            return self._rng.choice((b"\0", b"\1"))
        if form == "d":
            return struct.pack(">d", self._rng.choice((0.0, 0.5, -1.0)))
        number = self._rng.choice(NUMBERS if self._rng.random() < 0.9 else ODD)
        bits = 8 * struct.calcsize(">" + form)
        number &= (1 << bits) - 1
        return number.to_bytes(bits // 8, "big")

    def _records(self) -> bytes:
        builder = BatchBuilder(16_384, self._rng.choice(("none", "none", "gzip", "snappy", "lz4", "zstd")))
        for _ in range(self._rng.randint(1, 3)):
            builder.append(1_700_000_000_000, None, self._rng.randbytes(8))
        batch = builder.build()
        return self.broken(batch) if self._rng.random() < 0.3 else batch

    # Bad ones

    def _flip(self, out: bytearray) -> None:
        for _ in range(self._rng.randint(1, 4)):
            if out:
                out[self._rng.randrange(len(out))] ^= 1 << self._rng.randrange(8)

    def _cut(self, out: bytearray) -> None:
        del out[self._rng.randint(0, len(out)) :]

    def _lie(self, out: bytearray) -> None:
        """Put a large or negative number where a length may be."""
        if len(out) > 12:
            at = self._rng.randrange(8, len(out) - 3)
            out[at : at + 4] = struct.pack(">i", self._rng.choice((*ODD, -2, 1 << 24)))

    def _repeat(self, out: bytearray) -> None:
        if out:
            at = self._rng.randrange(len(out))
            out[at:at] = out[at : at + self._rng.randint(1, 64)] * self._rng.randint(1, 20)

    def _insert(self, out: bytearray) -> None:
        at = self._rng.randint(0, len(out))
        out[at:at] = self._rng.randbytes(self._rng.randint(1, 16))

    def _swap(self, out: bytearray) -> None:
        """Say it is another API or version."""
        if len(out) >= 4:
            out[:4] = struct.pack(">hh", self._rng.choice((*APIS, 999, -1)), self._rng.randint(0, 20))


@dataclass
class Outcome:
    """How many requests were answered, refused by closing, or left waiting; and what the lab blames itself for."""

    answered: int = 0
    closed: int = 0
    waiting: int = 0
    faults: list[str] = field(default_factory=list)


async def run(lab: Cluster, seed: int, cases: int, *, broken: bool) -> Outcome:
    """Send so many requests, each on a connection of its own, while another client asks on and must be answered."""
    fuzzer = Fuzzer(Random(seed))
    outcome = Outcome()
    stop = _watch_faults(lab.events, outcome)
    probe = await Peer.connect(lab)
    try:
        for number in range(cases):
            key, version, data = fuzzer.request()
            if broken:
                data = fuzzer.broken(data)
            frame = fuzzer.lied(data) if broken else struct.pack(">i", len(data)) + data
            before = len(outcome.faults)
            await _one(lab, probe, frame, outcome)
            if len(outcome.faults) > before:
                outcome.faults[-1] += f" (case {number}: API {key} v{version}, {data.hex()})"
    finally:
        stop()
        await probe.close()
    return outcome


async def _one(lab: Cluster, probe: Peer, frame: bytes, outcome: Outcome) -> None:
    peer = await Peer.connect(lab)
    peer.writer.write(frame)
    answer = asyncio.ensure_future(peer.reader.read(4))
    try:
        for _ in range(LOOKS):
            await probe.ask(API_VERSIONS, 0)
            if answer.done():
                break
        if not answer.done():
            outcome.waiting += 1
        elif answer.exception() is None and answer.result():
            outcome.answered += 1
        else:
            outcome.closed += 1
    finally:
        answer.cancel()
        await peer.close()


def _watch_faults(events: EventLog, outcome: Outcome) -> Callable[[], None]:
    return events.listen(
        lambda event: outcome.faults.append(event.sentence()) if "fault of the lab" in event.sentence() else None
    )


def fuzzed_lab(seed: int) -> Cluster:
    """A lab in memory in which little is waited for."""
    config = BrokerConfig(group_initial_rebalance_delay_ms=0, offsets_topic_num_partitions=5)
    return Cluster.open(None, brokers=1, inline_storage=True, seed=seed, config=config)


async def _by_hand(seed: int, cases: int) -> int:
    print(f"seed {seed}, {cases:,} requests, every second one broken")
    for broken in (False, True):
        async with fuzzed_lab(seed) as lab:
            await lab.create_topic("orders", partitions=3)
            await lab.listen(port=0)
            outcome = await run(lab, seed, cases // 2, broken=broken)
        print(f"{outcome.answered:,} answered, {outcome.closed:,} closed, {outcome.waiting:,} waiting")
        for fault in outcome.faults:
            print(fault)
        if outcome.faults:
            return 1
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=time_ns() % 2**32)
    given = parser.parse_args()
    raise SystemExit(asyncio.run(_by_hand(given.seed, given.cases)))
