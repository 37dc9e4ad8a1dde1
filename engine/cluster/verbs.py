"""What can be asked of a lab that is open: topics, clients, ports, one record's way, and what `Offsets` reaches for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.cluster.browser import Browser
from engine.cluster.faults import Faults
from engine.cluster.listening import Listening
from engine.cluster.moments import Moments
from engine.cluster.nodes import Nodes
from engine.cluster.offsets import Offsets
from engine.cluster.stepping import Stepping
from engine.cluster.tracing import Trace
from engine.cluster.world import WorldView
from engine.controller import Controller
from engine.errors import CoordinatorNotAvailableError, RefusedError, error_for
from engine.events import EventLog
from engine.ledger import Ledger
from engine.messages import DeleteRecordsRequest, FindCoordinatorRequest, Request
from engine.network import Network
from engine.snapshot import TopicView
from engine.types import ClientInfo, TopicPartition
from engine.workload.workload import Workload

if TYPE_CHECKING:
    from engine.wire.security import Security

_LAB = ClientInfo("lab")


class Verbs:
    """The verbs of `Cluster`, which opens and closes what they work on; see docs/architecture.md."""

    clock: Clock
    events: EventLog
    workload: Workload
    browser: Browser
    offsets: Offsets
    controller: Controller
    nodes: Nodes
    network: Network
    faults: Faults
    ledger: Ledger
    moments: Moments
    stepping: Stepping
    _view: WorldView
    _listening: Listening
    _traces: list[Trace]

    # Topics

    async def create_topic(
        self, name: str, partitions: int = 1, replication_factor: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Make a topic; raises KafkaError with what would be accepted."""
        await self.controller.create_topic(name, partitions, replication_factor, config or {})

    async def delete_topic(self, name: str) -> None:
        """Delete a topic, its records and every group's offsets in it; raises KafkaError."""
        await self.controller.delete_topic(name)

    async def create_partitions(self, name: str, total: int) -> None:
        """Grow a topic to `total` partitions; raises KafkaError."""
        await self.controller.create_partitions(name, total)

    async def alter_topic_config(self, name: str, changes: Mapping[str, str | None]) -> None:
        """Set settings of a topic, or put them back to the default with None; raises KafkaError."""
        await self.controller.alter_config(name, lambda now: changes)

    def _records_in(self, topic: str) -> int:
        tps = (TopicPartition(topic, state.partition) for state in self.controller.topic(topic).partitions)
        leaders = (leader for tp in tps if (leader := self.nodes.serving(tp)) is not None)
        return sum(leader.log.log_end_offset - leader.log.log_start_offset for leader in leaders)

    def describe_topic(self, name: str) -> TopicView:
        """A topic as it stands; UnknownTopicOrPartitionError."""
        self.controller.topic(name)
        return next(view for view in self._view.topics() if view.name == name)

    async def delete_records(self, tp: TopicPartition, before_offset: int) -> int:
        """Delete a partition's records before an offset (-1: all) and return its new log start; raises KafkaError."""
        leader = self.nodes.leader(tp).broker_id
        answer = await self.network.call(_LAB, leader, DeleteRecordsRequest({tp: before_offset}))
        deleted = answer.partitions[tp]
        if deleted.outcome.error:
            raise error_for(deleted.outcome.error, deleted.outcome.message)
        return deleted.low_watermark

    # Clients

    def producer(self, **options: Any) -> Producer:
        """A producer on this cluster; options as in `engine.clients.Producer`."""
        return Producer(self.network, self.clock, **options)

    def consumer(self, *topics: str, **options: Any) -> Consumer:
        """A consumer on this cluster; options as in `engine.clients.Consumer`."""
        return Consumer(self.network, self.clock, *topics, **options)

    # Clients from outside

    async def listen(self, host: str = "127.0.0.1", port: int = 9092, security: Security | None = None) -> None:
        """Speak Kafka's protocol: a port for each broker, counted up from `port` (0: any). Raises RefusedError.

        `security` says whether the line is encrypted and who may come in; by default it is not, and everybody.
        """
        await self._listening.open(host, port, security)

    async def stop_listening(self) -> None:
        """Close the ports and drop who is connected; harmless while the lab does not listen."""
        await self._listening.stop()

    def watch_client(self, number: int | None, *, alone: bool = False) -> None:
        """Keep the requests of the client from outside that has this connection for `World.listening`, or nobody's.

        With `alone` those of this one of its connections.
        """
        self._listening.watch(number, alone=alone)

    # One record's way

    async def trace(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
        acks: str = "all",
    ) -> Trace:
        """Send one record by hand and follow its way, step by step, while the world stands still between the steps.

        Raises KafkaError; RefusedError while another is followed.
        """
        if any(not trace.ended for trace in self._traces):
            raise RefusedError("Another record is still being followed; leave that first.")
        trace = Trace(self.nodes, self.network, self.clock, self.events, self.ledger)
        self._traces = [*(each for each in self._traces if not each.settled), trace]
        try:
            await trace.begin(topic, key, value, headers, partition, acks)
        except BaseException:
            self._traces.remove(trace)
            raise
        return trace

    # What the offsets service reaches for

    async def offset_at(self, tp: TopicPartition, timestamp: int) -> int:
        """The first offset at or after a time (ms); the end where there is none."""
        return await self.browser.offset_at(tp, timestamp)

    async def ask_coordinator(self, group_id: str, request: Request[Any]) -> Any:
        """Send a request to a group's coordinator; raises KafkaError."""
        reachable = self.network.reachable()
        if not reachable:
            raise CoordinatorNotAvailableError
        found = await self.network.call(_LAB, reachable[0], FindCoordinatorRequest(group_id))
        return await self.network.call(_LAB, found.broker_id, request)

    async def seek_members(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the lab's consumers that own these partitions seek and commit."""
        await self.workload.seek(group_id, offsets)

    def owned_in_lab(self, group_id: str, tp: TopicPartition) -> bool:
        """Whether a consumer of the lab owns the partition."""
        return self.workload.consumer_owning(group_id, tp) is not None
