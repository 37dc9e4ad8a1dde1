"""A lab that holds still: gives the world it was given, and writes down which verbs were called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from engine.clock import Clock, ManualClock
from engine.events import EventLog
from engine.snapshot import World
from engine.types import RecordMetadata, TopicPartition
from tests.tui import logs, worlds
from tui.app import Kafkarium
from tui.verbs import Lab


class FakeVerbs:
    """Any verb at all; `calls` of the fake it belongs to gets (name, args, kwargs)."""

    def __init__(self, fake: FakeCluster, prefix: str) -> None:
        self._fake = fake
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._fake.verb(self._prefix + name)


class FakeFaults(FakeVerbs):
    """Verbs of `cluster.faults`, of which some are plain calls."""

    def __getattr__(self, name: str) -> Any:
        if name not in ("isolate", "rejoin", "slow_disk", "fill_disk", "free_disk", "lose_answers"):
            return super().__getattr__(name)
        return lambda *args, **kwargs: self._fake.calls.append((self._prefix + name, args, kwargs))


class FakeSteps(FakeVerbs):
    """Verbs of `cluster.stepping`, all of them plain calls."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._fake.calls.append((self._prefix + name, args, kwargs))


class FakeCluster:
    """Shaped like `engine.Cluster`. Set `world`; preset `answers` by verb: a value, a callable or an exception."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or worlds.first()
        self.events = EventLog()
        for event in worlds.events(self.world):
            self.events.publish(event)
        self.clock: Clock = ManualClock(self.world.now_ms)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = logs.answers(logs.StubBrowser(lambda: self.world))
        self.answers["browser.produce"] = RecordMetadata("orders", 3, TopicPartition("orders", 3), 12_100, 0, 0, 0)
        self.snapshots = 0
        self.closed = False
        self.workload: Any = FakeVerbs(self, "workload.")
        self.offsets: Any = FakeVerbs(self, "offsets.")
        self.browser: Any = FakeVerbs(self, "browser.")
        self.faults: Any = FakeFaults(self, "faults.")
        self.controller: Any = FakeVerbs(self, "controller.")
        self.moments: Any = FakeVerbs(self, "moments.")
        self.stepping: Any = FakeSteps(self, "stepping.")

    def snapshot(self) -> World:
        """The world as it was set."""
        self.snapshots += 1
        return self.world

    def watch_client(self, number: int | None, *, alone: bool = False) -> None:
        """A plain verb."""
        self.calls.append(("watch_client", (number, alone), {}))

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of that verb."""
        return [args for called, args, _ in self.calls if called == name]

    def verb(self, name: str) -> Any:
        """A coroutine function that writes down its call and gives the preset answer."""

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            answer = self.answers.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer(*args, **kwargs) if callable(answer) else answer

        return call

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.verb(name)


def opening(fake: FakeCluster) -> AbstractAsyncContextManager[Lab]:
    """The context manager an app is given to open its lab with."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Lab]:
        try:
            yield fake
        finally:
            fake.closed = True

    return opened()


def app_with(fake: FakeCluster, **more: Any) -> Kafkarium:
    """The app around a fake."""
    return Kafkarium(lambda: opening(fake), lab_name=fake.world.lab, **more)
