"""Clients from outside: librdkafka against the lab, a bare socket into SQLite, and Apache Kafka where Java is here.

Every server is a process of its own with one broker and one partition, every client another, and each pair alone on
the machine: what a server puts off until it rests is done, and on the disk, before the next one's turn. MB are of
values.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from tests.bench.row import Row

ROUNDS = 5
SETTLE_S = 3.0
TRIPS = 1_000
LINGERING = ("linger.ms=50", "batch.size=1000000")
LOADS = (
    ("100 B, default batching", 400_000, 100, ()),
    ("100 B, lingering 50 ms", 400_000, 100, LINGERING),
    ("1 KB, default batching", 150_000, 1_000, ()),
    ("1 KB, lingering 50 ms", 150_000, 1_000, LINGERING),
)
JARS = Path(__file__).parents[2] / ".venv" / "java"


@dataclass
class Server:
    """Something that Kafka clients can write to."""

    name: str
    process: subprocess.Popen[bytes]
    bootstrap: str
    started_s: float
    """From starting the process to the first acknowledged record."""

    def memory_mb(self) -> float:
        """The most memory it has had; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return 0.0
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


def rows() -> list[Row]:
    """Rates in MB/s, the median of five rounds in which the servers take turns; times in ms and s."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(_server("the lab", _lab(folder), many_topics=True))
        kafka = stack.enter_context(_server("Apache Kafka", _kafka(folder), many_topics=True)) if _has_java() else None
        found: list[Row] = []
        for what, records, size, settings in LOADS:
            found += _load(folder, lab, kafka, what, records, size, settings)
        if kafka is not None:
            found += _beside(lab, kafka)
    return found


def _load(
    folder: Path, lab: Server, kafka: Server | None, what: str, records: int, size: int, settings: tuple[str, ...]
) -> Iterator[Row]:
    wrote: dict[str, list[float]] = {}
    read: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        topic = f"load-{size}-{len(settings)}-{turn}"
        with _server("a bare socket", _bare(folder, topic), many_topics=False) as bare:
            for server in (lab, bare, kafka):
                if server is None:
                    continue
                megabytes = records * size / 1e6
                took = _client("produce", server.bootstrap, topic, records, size, *settings)
                wrote.setdefault(server.name, []).append(megabytes / float(took))
                took = _client("consume", server.bootstrap, topic, records, size)
                read.setdefault(server.name, []).append(megabytes / float(took))
                sleep(SETTLE_S)
                os.sync()
    for verb, rates in (("write", wrote), ("read", read)):
        for other, floor in (("a bare socket", 0.5), ("Apache Kafka", 1.0)):
            if other in rates:
                yield Row(f"{verb} {what}", median(rates[lab.name]), median(rates[other]), "MB/s", other, floor)


def _beside(lab: Server, kafka: Server) -> list[Row]:
    times = {}
    for server in (lab, kafka):
        said = _client("trip", server.bootstrap, "trip", TRIPS, 100)
        times[server.name] = [float(part) for part in said.strip("()\n ").split(",")]
    against = kafka.name
    return [
        Row("one record there and back, acks=1: median", times[lab.name][0], times[against][0], "ms", against,
            higher_is_better=False),
        Row("one record there and back, acks=1: p99", times[lab.name][1], times[against][1], "ms", against,
            higher_is_better=False),
        Row("start to the first acknowledged record", lab.started_s, kafka.started_s, "s", against,
            higher_is_better=False),
        Row("peak memory after all this", lab.memory_mb(), kafka.memory_mb(), "MB", against, higher_is_better=False),
    ]  # fmt: skip


# Servers -------------------------------------------------------------------------------------------------


@contextmanager
def _server(name: str, start: Callable[[int], list[str]], *, many_topics: bool) -> Iterator[Server]:
    port = _free_port()
    command = start(port)
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_open(port, process)
        bootstrap = f"127.0.0.1:{port}"
        if many_topics:
            _client("produce", bootstrap, "first", 1, 100)
        yield Server(name, process, bootstrap, perf_counter() - began)
    finally:
        process.terminate()
        process.wait(30)


def _lab(folder: Path) -> Callable[[int], list[str]]:
    return lambda port: [
        sys.executable, "-m", "tui.cli", "broker", str(folder / "lab"), "--brokers", "1",
        "--listen", f"127.0.0.1:{port}",
    ]  # fmt: skip


def _bare(folder: Path, topic: str) -> Callable[[int], list[str]]:
    return lambda port: [sys.executable, "-m", "tests.bench.bare", str(port), str(folder / f"{topic}.db"), topic]


def _has_java() -> bool:
    return shutil.which("java") is not None and any(JARS.glob("kafka_2.13-*.jar"))


def _kafka(folder: Path) -> Callable[[int], list[str]]:
    def start(port: int) -> list[str]:
        settings = folder / "server.properties"
        data, controller = folder / "kafka", _free_port()
        settings.write_text(
            "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n"
            f"log.dirs={data}\noffsets.topic.replication.factor=1\n"
        )
        java = ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{JARS}/*"]
        storage = ["kafka.tools.StorageTool", "format", "-t", "kafkarium-bench-0000000", "-c", str(settings)]
        subprocess.run([*java, *storage], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return [*java, "-Xmx1g", "kafka.Kafka", str(settings)]

    return start


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            continue
    raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it listened")


def _client(what: str, bootstrap: str, topic: str, records: int, size: int, *settings: str) -> str:
    """Run one client to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.outside", what, bootstrap, topic, str(records), str(size), *settings],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout
