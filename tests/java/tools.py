"""Apache Kafka's own programs, started as a person starts them, each in a Java process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.cluster import Cluster

JARS = Path(__file__).parents[2] / ".venv" / "java"
_ENDS_WITHIN_S = 120.0
_MAIN = {
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "transactional-message-copier": "org.apache.kafka.tools.TransactionalMessageCopier",
}
"""The class behind each script that Apache Kafka ships, by the script's name."""


@dataclass(frozen=True)
class Ended:
    """What a program said, both of its streams together, and how it ended."""

    code: int
    text: str

    @property
    def lines(self) -> list[str]:
        """What it said, line by line, without the empty ones."""
        return [line for line in self.text.splitlines() if line.strip()]


@dataclass(frozen=True)
class Java:
    """Starts programs against one cluster."""

    bootstrap: str
    folder: Path
    """Where property files for them are written."""

    async def tool(self, name: str, *arguments: str, typed: str = "") -> Ended:
        """Run a program to its end, with `typed` on its standard input."""
        process = await self._start(name, arguments)
        try:
            async with asyncio.timeout(_ENDS_WITHIN_S):
                said, _ = await process.communicate(typed.encode())
        except TimeoutError:
            process.kill()
            said, _ = await process.communicate()
            raise AssertionError(f"{name} did not end:\n{said.decode(errors='replace')}") from None
        assert process.returncode is not None
        return Ended(process.returncode, said.decode(errors="replace"))

    async def good(self, name: str, *arguments: str, typed: str = "") -> Ended:
        """Run a program that is expected to succeed."""
        ended = await self.tool(name, *arguments, typed=typed)
        assert ended.code == 0, ended.text
        return ended

    @asynccontextmanager
    async def running(self, name: str, *arguments: str) -> AsyncIterator[Process]:
        """A program that goes on until this is left; then it is asked to end, as with Ctrl+C."""
        process = await self._start(name, arguments)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.communicate()

    def properties(self, name: str, **values: str) -> str:
        """A property file; underscores in the names stand for dots. Returns its path."""
        path = self.folder / f"{name}.properties"
        path.write_text("".join(f"{key.replace('_', '.')}={value}\n" for key, value in values.items()))
        return str(path)

    async def _start(self, name: str, arguments: tuple[str, ...]) -> Process:
        quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
        logging = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=error",)
        return await asyncio.create_subprocess_exec(
            "java", *quick, *logging, "-cp", f"{JARS}/*", _MAIN[name], *arguments,
            stdin=PIPE, stdout=PIPE, stderr=STDOUT, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip


async def lines_until(process: Process, wanted: str, within_s: float = _ENDS_WITHIN_S) -> list[str]:
    """What a running program says up to the first line that holds `wanted`."""
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(within_s):
            while raw := await process.stdout.readline():
                lines.append(raw.decode(errors="replace").rstrip("\n"))
                if wanted in lines[-1]:
                    return lines
    except TimeoutError:
        pass
    raise AssertionError(f"{wanted!r} was not said:\n" + "\n".join(lines))


async def happened(cluster: Cluster, what: Callable[[], bool]) -> None:
    """Return once `what` holds; it is looked at whenever the lab tells of something."""
    news = asyncio.Event()
    stop = cluster.events.listen(lambda _: news.set())
    try:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while not what():
                await news.wait()
                news.clear()
    finally:
        stop()
