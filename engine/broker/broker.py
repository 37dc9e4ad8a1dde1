"""One broker: a node with a store of its own that follows the controller's log and serves what it leads."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from engine.broker.administration import Administration
from engine.broker.coordinator_log import CoordinatorLog
from engine.broker.replicas import Replicas, leads
from engine.broker.serving import Serving
from engine.broker.transacting import Ids
from engine.clock import Clock
from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC, BrokerConfig
from engine.controller.image import MetadataImage, TopicGone
from engine.errors import KafkaError, UnknownTopicOrPartitionError
from engine.events import EventLog, Tone
from engine.groups.coordinator import GroupCoordinator
from engine.messages import (
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    ReadMetadataRequest,
    Request,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from engine.network import CONTROLLER, Network
from engine.replicas.disk import Disk
from engine.replicas.partition import Partition
from engine.storage.store import BrokerStore
from engine.transactions import TransactionCoordinator
from engine.types import ClientInfo, TopicPartition


class Broker:
    """Runs from `start` until `stop` (clean), `crash`, or `close` (the world stops as a whole)."""

    def __init__(
        self,
        broker_id: int,
        store: BrokerStore,
        disk: Disk,
        clock: Clock,
        config: BrokerConfig,
        network: Network,
        events: EventLog,
        ids: Ids,
    ) -> None:
        self.broker_id = broker_id
        self.store = store
        self.image = MetadataImage()
        self.replicas = Replicas(broker_id, store, disk, clock, config, network, events)
        self.coordinator = GroupCoordinator(
            broker_id,
            clock,
            config,
            CoordinatorLog(INTERNAL_TOPIC, self.partitions, clock),
            events,
            self.image,
        )
        self.transactions = TransactionCoordinator(
            broker_id,
            clock,
            config,
            CoordinatorLog(TRANSACTION_TOPIC, self.partitions, clock),
            events,
            lambda: self.image.counts,
            self._leader_of,
            self._ask_broker,
            ids.next_producer_id,
        )
        administration = Administration(self.replicas, self.image, self._ask, clock, config, events)
        self._serving = Serving(
            broker_id,
            self.replicas,
            self.image,
            self.coordinator,
            self.transactions,
            administration,
            self._ask,
            ids,
            clock,
            config,
        )
        self._clock = clock
        self._config = config
        self._events = events
        self._network = network
        self._client = ClientInfo(f"broker-{broker_id}", f"broker-{broker_id}")
        self.broker_epoch = -1
        """Under which it is registered; -1 until it is."""
        self._incarnation_id = uuid.uuid4().bytes
        self._metadata_offset = 0
        self._applying = asyncio.Lock()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._loading: set[asyncio.Task[None]] = set()
        self._turns: dict[TopicPartition, object] = {}
        """Tells one time at which a partition began or ceased to be led here from another."""

    @property
    def partitions(self) -> dict[TopicPartition, Partition]:
        """Its replicas, by partition."""
        return self.replicas.partitions

    @property
    def leads(self) -> int:
        """How many partitions it leads."""
        return leads(self.partitions)

    async def start(self) -> str:
        """Register, take up the metadata and serve, now or when the controller lets it: then why not yet, in words."""
        try:
            await self._begin()
        except KafkaError as error:
            self._tasks = [asyncio.create_task(self._start_later(), name=f"start {self.broker_id}")]
            return str(error)
        return ""

    async def _start_later(self) -> None:
        while True:
            await self._clock.sleep(self._config.broker_heartbeat_interval_ms)
            try:
                await self._begin()
            except KafkaError:
                continue
            return

    async def _begin(self) -> None:
        registered = await self._ask(BrokerRegistrationRequest(self.broker_id, self._incarnation_id))
        self.broker_epoch = self.replicas.broker_epoch = registered.broker_epoch
        await self._catch_up()
        await self.replicas.drop_strays()
        self._serve()

    def _serve(self) -> None:
        self.replicas.start()
        self.transactions.start()
        self._network.attach(self.broker_id, self.handle)
        self._tasks = [
            asyncio.create_task(self._follow_metadata(), name=f"metadata {self.broker_id}"),
            asyncio.create_task(self._try_again(), name=f"undone {self.broker_id}"),
            asyncio.create_task(self._beat(), name=f"heartbeat {self.broker_id}"),
        ]

    async def handle(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The answer to any request; raises KafkaError."""
        return await self._serving.handle(client, request)

    # The controller

    async def _ask(self, request: Request[Any]) -> Any:
        return await self._network.call(self._client, CONTROLLER, request, source=self.broker_id)

    async def _catch_up(self) -> None:
        """Read on in the controller's log and act by how things stand then, not by how they came to that.

        A broker that starts reads all of the past, in which it led what it leads no more (`MetadataLoader`).
        """
        answer = await self._ask(ReadMetadataRequest(self.broker_id, self._metadata_offset))
        newest = {}
        for change in answer.changes:
            self.image.apply(change)
            newest[getattr(change, "name", "")] = change
        async with self._applying:
            for change in newest.values():
                for tp, led in await self.replicas.apply(change):
                    self._coordinate(tp, led)
        for change in answer.changes if self._metadata_offset else ():  # in the past it coordinated nothing
            if isinstance(change, TopicGone):
                self.coordinator.forget_topic(change.name)
        self._metadata_offset = answer.end_offset

    async def _try_again(self) -> None:
        while True:
            await self._clock.sleep(self._config.broker_heartbeat_interval_ms)
            async with self._applying:
                for tp, led in await self.replicas.try_again(self.image):
                    self._coordinate(tp, led)

    def _coordinate(self, tp: TopicPartition, led: bool) -> None:
        """Begin or cease to coordinate what a partition holds; reading its log must not hold up the rest."""
        self._turns[tp] = object()
        match tp.topic, led:
            case (topic, False) if topic == INTERNAL_TOPIC:
                self.coordinator.unload(tp.partition)
            case (topic, False) if topic == TRANSACTION_TOPIC:
                self.transactions.unload(tp.partition)
            case (topic, True) if topic == INTERNAL_TOPIC:
                self._load(tp, lambda: self.coordinator.load(tp.partition))
            case (topic, True) if topic == TRANSACTION_TOPIC:
                epoch = self.partitions[tp].state.leader_epoch
                self._load(tp, lambda: self.transactions.load(tp.partition, epoch))

    def _load(self, tp: TopicPartition, load: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.get_running_loop().create_task(self._keep_loading(self.partitions[tp], load))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    async def _keep_loading(self, partition: Partition, load: Callable[[], Awaitable[None]]) -> None:
        """Until its log could be read, or it leads no more, or has begun to lead anew."""
        turn, told = self._turns.get(partition.tp), ""
        while partition.leads and self._turns.get(partition.tp) is turn:
            try:
                await load()
                return
            except KafkaError as error:
                if partition.leads and str(error) != told:
                    told = str(error)
                    text = f"Broker {self.broker_id} cannot coordinate what {partition.tp} holds. {error}"
                    self._events.tell(self._clock.now_ms(), f"broker-{self.broker_id}", text, Tone.WARNING)
            await self._clock.sleep(self._config.broker_heartbeat_interval_ms)

    # Other brokers

    def _leader_of(self, tp: TopicPartition) -> int | None:
        topic = self.image.topics.get(tp.topic)
        if topic is None or tp.partition >= len(topic.partitions):
            raise UnknownTopicOrPartitionError(f"There is no {tp}.")
        leader = topic.partitions[tp.partition].leader
        return leader if leader in self.image.live else None

    async def _ask_broker(self, broker_id: int, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
        return await self._network.call(self._client, broker_id, request, source=self.broker_id)

    async def _follow_metadata(self) -> None:
        while True:
            try:
                await self._catch_up()
            except KafkaError:
                await self._clock.sleep(self._config.broker_heartbeat_interval_ms)

    async def _beat(self) -> None:
        while not self._stopping:  # a heartbeat behind the goodbye would bring it to life again
            try:
                await self._ask(BrokerHeartbeatRequest(self.broker_id, self.broker_epoch, self._metadata_offset))
            except KafkaError:
                pass  # the next beat tries again; silence is what the controller counts
            await self._clock.sleep(self._config.broker_heartbeat_interval_ms)

    # The end

    async def stop(self) -> bool:
        """Hand on what it leads, then close (controlled shutdown); False if the controller could not be told."""
        self._stopping = True
        try:
            goodbye = BrokerHeartbeatRequest(self.broker_id, self.broker_epoch, self._metadata_offset, want_stop=True)
            await self._ask(goodbye)
            told = True
        except KafkaError:
            told = False
        await self.close()
        return told

    async def crash(self) -> None:
        """Be gone at once: no word to the controller, what was not yet committed is lost."""
        self._network.detach(self.broker_id)
        await self._end(abruptly=True)

    async def close(self) -> None:
        """Stop serving; the store is left to whoever opened it."""
        self._network.detach(self.broker_id)
        await self._end(abruptly=False)

    async def _end(self, abruptly: bool) -> None:
        tasks = [*self._tasks, *self._loading]
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self.coordinator.close()
        await self.transactions.close()
        await self.replicas.close()
        for partition in self.partitions.values():
            partition.retire()
        if abruptly:
            self.store.abandon()
        else:
            await self.replicas.checkpoint()
        for result in results:
            if isinstance(result, Exception):
                raise result
