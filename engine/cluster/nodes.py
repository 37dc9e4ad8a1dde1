"""The nodes of a lab: its controller and its brokers, the living and the dead, and their files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from engine.broker import Broker
from engine.clock import Clock
from engine.cluster.folder import broker_file, delete_broker_file
from engine.config import BrokerConfig
from engine.controller import Controller
from engine.errors import LeaderNotAvailableError, RefusedError
from engine.events import EventLog, Tone
from engine.network import CONTROLLER, Network
from engine.replicas.disk import Disk
from engine.replicas.leadership import Leadership
from engine.replicas.partition import Partition
from engine.storage.metadata import MetadataStore
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from engine.wording import plural

_LAST = "It was the last: nothing can be written or read until a broker is started again."


class Nodes:
    """Starts, stops and crashes brokers. `alive` holds those that run; what is down leaves its file behind."""

    def __init__(
        self,
        folder: Path | None,
        count: int,
        controller: Controller,
        store: MetadataStore,
        clock: Clock,
        config: BrokerConfig,
        network: Network,
        events: EventLog,
        *,
        inline: bool,
    ) -> None:
        self.controller = controller
        self.alive: dict[int, Broker] = {}
        self.ids = tuple(range(1, count + 1))
        self.disks = {broker_id: Disk(clock) for broker_id in self.ids}
        self._folder = folder
        self._store = store
        self._clock = clock
        self._config = config
        self._network = network
        self._events = events
        self._inline = inline
        self._turns = {broker_id: asyncio.Lock() for broker_id in self.ids}
        """One verb at a time for each broker: none is started while it still comes down."""
        self._in_memory: dict[int, BrokerStore] = {}
        self._fallen: dict[int, dict[TopicPartition, tuple[bytes, Leadership]]] = {}
        """What brokers led when they went, and of which topic."""

    async def open(self, down: frozenset[int]) -> None:
        """Start the controller, and every broker but those that were down when the lab was closed; raises LabError."""
        up = [broker_id for broker_id in self.ids if broker_id not in down]
        self._network.attach(CONTROLLER, self.controller.handle)
        brokers = [await self._open_broker(broker_id) for broker_id in up]
        await self.controller.load(self.ids, up)
        for broker in brokers:
            await broker.start()

    async def _open_broker(self, broker_id: int) -> Broker:
        path = broker_file(self._folder, broker_id) if self._folder is not None else None
        store = self._in_memory.pop(broker_id, None) or await BrokerStore.open(path, self._clock, inline=self._inline)
        broker = Broker(
            broker_id,
            store,
            self.disks[broker_id],
            self._clock,
            self._config,
            self._network,
            self._events,
            self.controller,
        )
        self.alive[broker_id] = broker
        return broker

    async def close(self) -> None:
        """Stop all nodes at once, as the world stops; raises what one of them failed with."""
        await self.controller.close()
        async with AsyncExitStack() as closing:
            for turn in self._turns.values():
                await closing.enter_async_context(turn)
            brokers, self.alive = self.alive, {}
            for store in (*self._in_memory.values(), *(broker.store for broker in brokers.values())):
                closing.push_async_callback(store.close)
            for broker in brokers.values():
                closing.push_async_callback(broker.close)

    # Verbs

    async def crash(self, broker_id: int) -> None:
        """A broker is gone without a word: the controller notices when its session runs out."""
        async with self._turn(broker_id):
            broker = self._running(broker_id)
            led = broker.leads
            del self.alive[broker_id]
            self.controller.forget_reader(broker_id)
            self._remember(broker)
            try:
                await broker.crash()
            finally:
                await self._put_away(broker)
        wait = self._config.broker_session_timeout_ms / 1000
        follows = (
            f"{plural(led, 'partition')} that it led {'has' if led == 1 else 'have'} no leader that answers until the "
            f"controller notices, in up to {wait:.1f} s, and elects others."
            if self.alive
            else _LAST
        )
        self._tell(broker_id, f"Broker {broker_id} crashed: it told nobody. {follows}", Tone.LOSS)

    async def stop(self, broker_id: int) -> None:
        """A broker hands on what it leads, then stops."""
        async with self._turn(broker_id):
            broker = self._running(broker_id)
            del self.alive[broker_id]
            self._remember(broker)
            try:
                told = await broker.stop()
            finally:
                self.controller.forget_reader(broker_id)
                await self._put_away(broker)
        if not self.alive:
            self._tell(broker_id, f"Broker {broker_id} stopped. {_LAST}", Tone.LOSS)
        elif not told:
            self._tell(
                broker_id,
                f"Broker {broker_id} stopped, but could not tell the controller, so to the others it is as if it had "
                "crashed.",
                Tone.WARNING,
            )

    async def start(self, broker_id: int) -> None:
        """Start a broker that is down; it truncates what it should not have and copies what it missed."""
        async with self._turn(broker_id):
            if broker_id in self.alive:
                raise RefusedError(f"Broker {broker_id} is running already.")
            broker = await self._open_broker(broker_id)
            not_yet = await broker.start()
        if not_yet:
            self._tell(broker_id, f"Broker {broker_id} has started and waits to be let in: {not_yet}", Tone.WARNING)

    async def delete_file(self, broker_id: int) -> None:
        """Delete a stopped broker's SQLite file: when it starts, it is filled again from the leaders."""
        async with self._turn(broker_id):
            if broker_id in self.alive:
                raise RefusedError(f"Broker {broker_id} is running; stop or crash it before you delete its file.")
            store = self._in_memory.pop(broker_id, None)
            if store is not None:
                await store.close()
            if self._folder is not None:
                delete_broker_file(self._folder, broker_id)
        self._tell(
            broker_id,
            f"The file of broker {broker_id} was deleted. What only it had is lost; started again it copies the rest.",
            Tone.LOSS,
        )

    def _remember(self, broker: Broker) -> None:
        """What it leads by, so that it can be told what its going cost."""
        self._fallen[broker.broker_id] = {
            tp: (each.log.topic_id, each.led) for tp, each in broker.partitions.items() if each.led is not None
        }

    async def _put_away(self, broker: Broker) -> None:
        """Close a broker's file; a store in memory stays, for it is the disk."""
        if self._folder is None:
            self._in_memory[broker.broker_id] = broker.store
        else:
            await broker.store.close()

    def _turn(self, broker_id: int) -> asyncio.Lock:
        if broker_id not in self.ids:
            raise RefusedError(f"There is no broker {broker_id}; there are {', '.join(map(str, self.ids))}.")
        return self._turns[broker_id]

    def _running(self, broker_id: int) -> Broker:
        if broker_id not in self.alive:
            raise RefusedError(f"Broker {broker_id} is down already; start it first.")
        return self.alive[broker_id]

    def _tell(self, broker_id: int, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), f"broker-{broker_id}", text, how)

    # Questions

    @property
    def down(self) -> frozenset[int]:
        """Brokers that do not run."""
        return frozenset(self.ids) - self.alive.keys()

    def cut_from(self, broker_id: int) -> tuple[int, ...]:
        """The nodes a broker cannot reach; 0 is the controller."""
        return tuple(sum(line) - broker_id for line in self._network.cuts if broker_id in line)

    def replica(self, broker_id: int, tp: TopicPartition) -> Partition | None:
        """A running broker's replica of a partition."""
        broker = self.alive.get(broker_id)
        return broker.partitions.get(tp) if broker is not None else None

    def serving(self, tp: TopicPartition) -> Partition | None:
        """The replica that serves a partition, None while nobody does; UnknownTopicOrPartitionError."""
        leader = self.controller.leader_of(tp)
        replica = self.replica(leader, tp) if leader is not None else None
        return replica if replica is not None and replica.leads else None

    def leader(self, tp: TopicPartition) -> Partition:
        """The replica that serves a partition; LeaderNotAvailableError, UnknownTopicOrPartitionError."""
        replica = self.serving(tp)
        if replica is None:
            raise LeaderNotAvailableError(f"Nobody leads {tp} just now: the broker that did is down.")
        return replica

    def lost(self, tp: TopicPartition, leader: int) -> tuple[int, int]:
        """What the log of a new leader lacks of what the one before acknowledged with acks=1 alone, and committed."""
        new = self.replica(leader, tp)
        if new is None:
            return 0, 0
        copies = [each for broker in self.alive.values() if (each := broker.partitions.get(tp)) is not None]
        led = [(each.log.topic_id, each.led) for each in copies if each.led is not None]
        led += [fallen[tp] for fallen in self._fallen.values() if tp in fallen]
        last = max(
            (each for topic_id, each in led if topic_id == new.log.topic_id), key=lambda each: each.epoch, default=None
        )
        return last.lost(new.log.log_end_offset) if last is not None else (0, 0)

    def held(self) -> Iterator[Partition]:
        """Every replica of every broker that runs."""
        for broker in tuple(self.alive.values()):
            yield from tuple(broker.partitions.values())

    def led(self) -> Iterator[Partition]:
        """Every partition that is served, at its leader."""
        return (partition for partition in self.held() if partition.leads)
