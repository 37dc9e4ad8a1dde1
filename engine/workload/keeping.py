"""How the workload is kept with the lab: what each producer and consumer was asked to do, and how far it came."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from engine.workload.producing import DrivenProducer
from engine.workload.roster import Roster, Worker

PRODUCER, CONSUMER = "producer", "consumer"


class SpecStore(Protocol):
    """Keeps plain values by kind and name; each is kept for good when the call returns."""

    async def put(self, kind: str, name: str, data: dict[str, Any]) -> None:
        """Keep one, new or changed."""

    async def delete(self, kind: str, name: str) -> None:
        """Forget one."""

    async def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """All of a kind."""


class Keeper:
    """Keeps everybody on the roster. Of calls that overlap the last one wins, whatever the store does."""

    def __init__(self, store: SpecStore, roster: Roster) -> None:
        self._store = store
        self._roster = roster
        self._locks: dict[str, asyncio.Lock] = {}

    async def save(self, worker: Worker) -> None:
        """Keep it as it is now, if it is still on the roster."""
        async with self._locks.setdefault(worker.name, asyncio.Lock()):
            if worker.name in self._roster:
                data = {"order": self._roster.order(worker.name), **worker.kept()}
                await self._store.put(_kind(worker), worker.name, data)

    async def forget(self, worker: Worker) -> None:
        """Take it off the roster and out of the store."""
        async with self._locks.setdefault(worker.name, asyncio.Lock()):
            self._roster.forget(worker.name)
            await self._store.delete(_kind(worker), worker.name)

    async def recall(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, name and data of everybody kept, in the order they were spawned."""
        kept = [(kind, name, data) for kind in (PRODUCER, CONSUMER) for name, data in await self._all(kind)]
        return sorted(kept, key=lambda each: each[2]["order"])

    async def _all(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        return list((await self._store.all(kind)).items())


def _kind(worker: Worker) -> str:
    return PRODUCER if isinstance(worker, DrivenProducer) else CONSUMER
