"""The least that a Kafka client can write to and read from: a bare asyncio socket into SQLite, and out of memory.

It knows one topic of one partition and checks nothing. What it does beyond moving bytes is answering Metadata once and
stamping offsets; so it is the yardstick for a broker in Python. `python -m tests.bench.bare PORT FILE TOPIC`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import struct
import sys
from bisect import bisect_right
from pathlib import Path

_HEAD = struct.Struct(">hhih")
_PRODUCE, _FETCH, _LIST_OFFSETS, _METADATA, _API_VERSIONS = 0, 1, 2, 3, 18
_SERVED = {_PRODUCE: (3, 7), _FETCH: (4, 11), _LIST_OFFSETS: (1, 1), _METADATA: (0, 1), _API_VERSIONS: (0, 0)}
_COUNT_AT = 57
"""Where a batch says how many records it holds."""


class Bare:
    """What was written, and the sockets it came through."""

    def __init__(self, port: int, file: Path, topic: str) -> None:
        self._port = port
        self._topic = topic.encode()
        self._batches: list[bytearray] = []
        self._offsets: list[int] = []
        self._end = 0
        self._waiting: list[tuple[int, bytes, asyncio.Future[None]]] = []
        self._news = asyncio.Event()
        self._more = asyncio.Event()
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("CREATE TABLE batch (base_offset INTEGER PRIMARY KEY, bytes BLOB)")

    async def run(self) -> None:
        """Serve for ever."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, limit=8 << 20)
        async with server, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._store_all())
            tasks.create_task(server.serve_forever())

    async def _store_all(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            waiting, self._waiting = self._waiting, []
            await asyncio.to_thread(self._store, [(offset, data) for offset, data, _ in waiting])
            for _, _, stored in waiting:
                stored.set_result(None)
            self._more.set()
            self._more = asyncio.Event()

    def _store(self, rows: list[tuple[int, bytes]]) -> None:
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO batch VALUES (?, ?)", rows)
        self._db.execute("COMMIT")

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers: asyncio.Queue[tuple[bytes, asyncio.Task[bytes]]] = asyncio.Queue(16)
        answering = asyncio.create_task(self._answer(answers, writer))
        try:
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                data = await reader.readexactly(size)
                key, version, correlation, client = _HEAD.unpack_from(data)
                serving = asyncio.create_task(self._serve(key, version, data, _HEAD.size + max(0, client)))
                await answers.put((struct.pack(">i", correlation), serving))
        except (asyncio.IncompleteReadError, ConnectionError):
            answering.cancel()
            writer.close()

    async def _answer(
        self, answers: asyncio.Queue[tuple[bytes, asyncio.Task[bytes]]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            head, serving = await answers.get()
            body = await serving
            writer.writelines([struct.pack(">i", len(head) + len(body)), head, body])
            await writer.drain()

    async def _serve(self, key: int, version: int, data: bytes, at: int) -> bytes:
        match key:
            case 0:
                return await self._produce(version, data, at)
            case 1:
                return await self._fetch(version, data, at)
            case 2:
                return self._list_offsets(data, at)
            case 3:
                return self._metadata(version)
            case _:
                error = 0 if version == 0 else 35
                ranges = b"".join(struct.pack(">hhh", api, *served) for api, served in _SERVED.items())
                return struct.pack(">hi", error, len(_SERVED)) + ranges

    def _metadata(self, version: int) -> bytes:
        host = b"127.0.0.1"
        broker = struct.pack(">iih", 1, 1, len(host)) + host + struct.pack(">i", self._port)
        no_rack, controller, internal = (b"\xff\xff", struct.pack(">i", 1), b"\0") if version else (b"", b"", b"")
        partition = struct.pack(">hiiiiii", 0, 0, 1, 1, 1, 1, 1)
        named = struct.pack(">ihh", 1, 0, len(self._topic)) + self._topic
        return broker + no_rack + controller + named + internal + struct.pack(">i", 1) + partition

    async def _produce(self, version: int, data: bytes, at: int) -> bytes:
        (transactional,) = struct.unpack_from(">h", data, at)
        at += 2 + max(0, transactional) + 6 + 4
        (length,) = struct.unpack_from(">h", data, at)
        at += 2 + length + 4
        _, size = struct.unpack_from(">ii", data, at)
        base, stored = self._end, asyncio.get_running_loop().create_future()
        batch = bytearray(data[at + 8 : at + 8 + size])
        struct.pack_into(">q", batch, 0, base)
        self._end += struct.unpack_from(">i", batch, _COUNT_AT)[0]
        self._batches.append(batch)
        self._offsets.append(base)
        self._waiting.append((base, bytes(batch), stored))
        self._news.set()
        await stored
        named = struct.pack(">ih", 1, len(self._topic)) + self._topic
        answer = struct.pack(">iihqq", 1, 0, 0, base, -1) + (struct.pack(">q", 0) if version >= 5 else b"")
        return named + answer + struct.pack(">i", 0)

    async def _fetch(self, version: int, data: bytes, at: int) -> bytes:
        wait_ms, _, most = struct.unpack_from(">iii", data, at + 4)
        at += 17 + (8 if version >= 7 else 0)
        asked = struct.unpack_from(">i", data, at)[0]
        if not asked:
            return struct.pack(">i", 0) + (struct.pack(">hi", 0, 0) if version >= 7 else b"") + struct.pack(">i", 0)
        (length,) = struct.unpack_from(">h", data, at + 4)
        at += 6 + length + 4 + 4 + (4 if version >= 9 else 0)
        (offset,) = struct.unpack_from(">q", data, at)
        if offset >= self._end:
            try:
                await asyncio.wait_for(self._more.wait(), wait_ms / 1_000)
            except TimeoutError:
                pass
        found, size = [], 0
        for batch in self._batches[max(0, bisect_right(self._offsets, offset) - 1) :]:
            if size >= min(most, 1 << 20) or offset >= self._end:
                break
            found.append(batch)
            size += len(batch)
        head = struct.pack(">i", 0) + (struct.pack(">hi", 0, 0) if version >= 7 else b"")
        named = struct.pack(">ih", 1, len(self._topic)) + self._topic + struct.pack(">iih", 1, 0, 0)
        marks = struct.pack(">qq", self._end, self._end) + (struct.pack(">q", 0) if version >= 5 else b"")
        tail = struct.pack(">i", -1) + (struct.pack(">i", -1) if version >= 11 else b"")
        return b"".join([head, named, marks, tail, struct.pack(">i", size), *found])

    def _list_offsets(self, data: bytes, at: int) -> bytes:
        (timestamp,) = struct.unpack_from(">q", data, len(data) - 8)
        offset = 0 if timestamp == -2 else self._end
        return struct.pack(">ih", 1, len(self._topic)) + self._topic + struct.pack(">iihqq", 1, 0, 0, -1, offset)


if __name__ == "__main__":
    _, port, file, topic = sys.argv
    asyncio.run(Bare(int(port), Path(file), topic).run())
