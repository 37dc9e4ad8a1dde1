"""From starting the process to a frame, to a world that moves, and how much memory a million records take.

The program is the real one, in a pseudo-terminal. Memory is the peak of a process that does nothing else: it opens a
lab that another process has filled, and two groups read all of it.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from engine.cluster import Cluster
from tests.bench.row import Row
from tests.tour import seen
from tests.tour.terminal import opened

STARTS = 5
RECORDS = 1_000_000
PARTITIONS = 6
TOPIC, GROUPS = "orders", ("billing", "shipping")
KEY, VALUE = b"customer-%04d", b"v" * 100
AT_ONCE = 20_000


def rows(records: int = RECORDS) -> list[Row]:
    """Times in s, the median of five starts; memory in MB."""
    frames, worlds = zip(*(_start() for _ in range(STARTS)), strict=True)
    importing = median(_import() for _ in range(STARTS))
    asked = "the second asked for"
    return [
        Row("start to first frame", median(frames), 1.0, "s", asked, 1.0, higher_is_better=False),
        Row("start to a world that moves", median(worlds), 1.0, "s", asked, 1.0, higher_is_better=False),
        Row("start to first frame", median(frames), importing, "s", "importing Textual alone", higher_is_better=False),
        *_memory(records),
    ]


def _start() -> tuple[float, float]:
    """How long until a frame is on the screen, and until records lie in a partition."""
    with tempfile.TemporaryDirectory() as home:
        began = perf_counter()
        with opened(["--temporary"], Path(home)) as on:
            on.until(lambda: b"Producers" in on.raw, "the first frame")
            frame = perf_counter() - began
            on.until(lambda: any(lane.end for lane in seen.lanes(on).values()), "the first records")
            moving = perf_counter() - began
            on.leave()
    return frame, moving


def _import() -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    return perf_counter() - began


# Memory --------------------------------------------------------------------------------------------------


def _memory(records: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        full, none = str(Path(folder) / "full"), str(Path(folder) / "none")
        _run("fill", full, records)
        _run("fill", none, 0)
        ours, empty, plain = _run("read", full, records), _run("read", none, 0), _run("rows", folder, records)
    what = f"peak memory: {records:,} records, two groups reading"
    return [
        Row(what, ours, plain, "MB", "sqlite3 in memory, a row a record", higher_is_better=False),
        Row(what, ours, empty, "MB", "the same with an empty topic", higher_is_better=False),
    ]


def _run(what: str, where: str, records: int) -> float:
    """Do one of the things below in a process of its own; its peak of memory in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.start", what, where, str(records)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return float(done.stdout)


async def _fill(folder: Path, records: int) -> None:
    async with Cluster.open(folder) as cluster, cluster.producer(linger_ms=5, max_batch_size=1 << 17) as producer:
        await cluster.create_topic(TOPIC, partitions=PARTITIONS)
        for first in range(0, records, AT_ONCE):
            for number in range(first, first + AT_ONCE):
                await producer.send(TOPIC, VALUE, key=KEY % (number % 10_000))
            await producer.flush()


async def _read(folder: Path, records: int) -> None:
    async with Cluster.open(folder) as cluster:
        await asyncio.gather(*(_read_all(cluster, group, records) for group in GROUPS))


async def _read_all(cluster: Cluster, group: str, records: int) -> None:
    async with cluster.consumer(TOPIC, group_id=group, auto_offset_reset="earliest") as consumer:
        count = 0
        while count < records:
            count += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        await consumer.getmany(timeout_ms=1_000)
        await consumer.commit()


def _rows(records: int) -> None:
    """The same records as rows in memory, read by two cursors at a time."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE record (offset INTEGER PRIMARY KEY, timestamp INTEGER, key BLOB, value BLOB)")
    for first in range(0, records, AT_ONCE):
        many = ((n, 1_700_000_000_000 + n, KEY % (n % 10_000), VALUE) for n in range(first, first + AT_ONCE))
        database.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", many)
        database.commit()
    cursors = [database.execute("SELECT * FROM record ORDER BY offset") for _ in GROUPS]
    while cursors[0].fetchmany(500) and cursors[1].fetchmany(500):
        pass


def _peak_mb() -> float:
    """The most memory this process has had; Linux counts in /proc from the start of the program, not of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / (1024 if sys.platform == "darwin" else 1)


if __name__ == "__main__":
    _, what, where, count = sys.argv
    if what == "rows":
        _rows(int(count))
    else:
        asyncio.run((_fill if what == "fill" else _read)(Path(where), int(count)))
    print(_peak_mb())
