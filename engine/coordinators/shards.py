"""The partitions of its topic that a coordinator keeps, and finding that of an id (`CoordinatorRuntime`).

While a partition is being read everybody is told to wait; when another broker leads it, to look for that one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from engine.coordinators.placing import partition_for
from engine.coordinators.writer import LogEntry, StateLog, Writer
from engine.errors import CoordinatorLoadInProgressError, NotCoordinatorError


class Shard:
    """What is kept in one partition. Not usable before it is loaded, nor after `close`."""

    def __init__(self, partition: int, log: StateLog) -> None:
        self.partition = partition
        self.loading = True
        self.closed = False
        self._writer = Writer(partition, log)

    def check(self) -> None:
        """Refuse while the partition is still being read, or once another broker leads it."""
        if self.closed:
            raise NotCoordinatorError
        if self.loading:
            raise CoordinatorLoadInProgressError

    def close(self) -> None:
        """Stop: what waits fails with NotCoordinatorError."""
        self.closed = True
        self._writer.close()


S = TypeVar("S", bound=Shard)


class Shards(Generic[S]):
    """Those of one broker. `partitions` says how many the topic has."""

    def __init__(self, broker_id: int, log: StateLog, partitions: Callable[[], int]) -> None:
        self._broker_id = broker_id
        self._log = log
        self._partitions = partitions
        self._here: dict[int, S] = {}

    def __iter__(self) -> Iterator[S]:
        return iter(tuple(self._here.values()))

    async def read(self, shard: S) -> Sequence[LogEntry] | None:
        """Coordinate this partition from now on; what it is to be rebuilt from, None if it is another's by then.

        Raises what reading the log raises.
        """
        self.unload(shard.partition)
        self._here[shard.partition] = shard
        try:
            records = await self._log.read(shard.partition)
        except BaseException:
            if self._here.get(shard.partition) is shard:
                del self._here[shard.partition]
            raise
        return None if shard.closed else records

    def unload(self, partition: int) -> None:
        """Coordinate this one no more."""
        shard = self._here.pop(partition, None)
        if shard is not None:
            shard.close()

    def close(self) -> None:
        """Coordinate nothing any more."""
        for partition in tuple(self._here):
            self.unload(partition)

    def at(self, partition: int) -> S:
        """That of a partition; NotCoordinatorError, CoordinatorLoadInProgressError."""
        shard = self._here.get(partition)
        if shard is None:
            raise NotCoordinatorError
        shard.check()
        return shard

    def of(self, key: str) -> S:
        """The one that keeps a group or transactional id; NotCoordinatorError, CoordinatorLoadInProgressError."""
        shard = self._here.get(partition_for(key, self._partitions()))
        if shard is None:
            raise NotCoordinatorError(f"Broker {self._broker_id} does not coordinate {key}.")
        shard.check()
        return shard
