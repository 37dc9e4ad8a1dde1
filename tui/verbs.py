"""What the screen asks of a cluster: the verbs that actions call, as the shapes they rely on.

`engine.Cluster` has all of them; tests bring a fake that writes down what was called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from engine.clock import Clock
from engine.events import EventLog
from engine.journey import Journey
from engine.snapshot import LedgerFigure, LedgerRecord, World
from engine.types import RecordMetadata, TopicPartition
from engine.workload.spec import ConsumerSpec, ProducerSpec

if TYPE_CHECKING:  # loading these takes the whole engine, which waits until the first frame is shown
    from engine.cluster import OffsetPlan, Page, Target
    from engine.pages import Search, Stretch


class Workload(Protocol):
    """What keeps spawned producers and consumers busy."""

    async def spawn_producer(self, spec: ProducerSpec) -> str:
        """Start a producer; returns its name."""

    async def spawn_consumer(self, spec: ConsumerSpec) -> str:
        """Start a consumer; returns its name."""

    async def stop(self, name: str) -> None:
        """End cleanly, saying goodbye."""

    async def crash(self, name: str) -> None:
        """End at once, saying nothing."""

    async def restart(self, name: str) -> None:
        """Start one that was stopped or crashed again."""

    async def remove(self, name: str) -> None:
        """Forget it."""

    async def pause(self, name: str) -> None:
        """Stand still."""

    async def resume(self, name: str) -> None:
        """Go on."""

    async def set_rate(self, name: str, records_per_s: float) -> None:
        """Send this many records a second from now on."""

    async def set_processing(self, name: str, ms: float) -> None:
        """Take this long for a record from now on."""

    async def hang(self, name: str) -> None:
        """Stop polling."""

    async def unhang(self, name: str) -> None:
        """Poll again."""

    async def stop_heartbeats(self, name: str) -> None:
        """Send no heartbeats."""

    async def resume_heartbeats(self, name: str) -> None:
        """Send heartbeats again."""

    def spec(self, name: str) -> ProducerSpec | ConsumerSpec:
        """What it was asked to do."""


class Offsets(Protocol):
    """Committed offsets of groups: preview, apply, undo."""

    async def plan(
        self, group_id: str, target: Target, partitions: tuple[TopicPartition, ...] | None = None
    ) -> OffsetPlan:
        """What would change; changes nothing."""

    async def apply(self, plan: OffsetPlan) -> None:
        """Do what was planned."""

    async def undo(self) -> str:
        """Take back the last change; returns what was undone, in words."""

    async def delete_group(self, group_id: str) -> None:
        """Delete an empty group with its offsets."""


class Browser(Protocol):
    """Reading without a group, and producing by hand."""

    async def read(self, tp: TopicPartition, offset: int, limit: int = 100) -> Page:
        """A page forward from `offset`."""

    async def onward(
        self, places: Mapping[TopicPartition, int], limit: int = 100, search: Search | None = None
    ) -> Stretch:
        """Records from these places on, several partitions merged by time; with `search` only those that match."""

    async def backward(
        self, places: Mapping[TopicPartition, int], limit: int = 100, search: Search | None = None
    ) -> Stretch:
        """The records before these places."""

    async def offset_at(self, tp: TopicPartition, timestamp_ms: int) -> int:
        """The first offset at or after a time; the log end if there is none."""

    async def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
        acks: str = "all",
    ) -> RecordMetadata:
        """Write one record."""


@runtime_checkable
class Trace(Protocol):
    """One record that is followed on its way."""

    @property
    def journey(self) -> Journey:
        """Where it is."""

    async def step(self) -> None:
        """Let time pass until something has happened to it."""

    def run_on(self) -> None:
        """Hold nothing up any more."""

    async def end(self) -> None:
        """Follow it no more."""


class Faults(Protocol):
    """Brokers, lines and disks that can be broken on purpose."""

    async def crash(self, broker_id: int) -> None:
        """A broker is gone without a word."""

    async def stop(self, broker_id: int) -> None:
        """A broker hands on what it leads, then stops."""

    async def start(self, broker_id: int) -> None:
        """A broker that is down comes back."""

    async def delete_file(self, broker_id: int) -> None:
        """A broker that is down loses its disk."""

    async def elect_preferred(self) -> int:
        """Leadership goes back to the first replicas; how many moved."""

    async def elect_unclean(self, tp: TopicPartition) -> None:
        """Whoever is alive leads a partition that nobody leads, and what it lacks is lost."""

    def isolate(self, broker_id: int) -> None:
        """Cut a broker off from the others, not from clients."""

    def rejoin(self, broker_id: int) -> None:
        """Let it reach the others again."""

    def slow_disk(self, broker_id: int, ms: float) -> None:
        """Make each write take `ms` longer; 0 puts it right."""

    def fill_disk(self, broker_id: int) -> None:
        """Let a broker write nothing more."""

    def free_disk(self, broker_id: int) -> None:
        """Let it write again."""

    def lose_answers(self, broker_id: int, share: float) -> None:
        """Lose a share of a broker's answers to producers; 0 puts it right."""


class Controller(Protocol):
    """Where copies of partitions lie."""

    async def reassign(self, tp: TopicPartition, replicas: tuple[int, ...]) -> None:
        """Move a partition, or change how many copies it has."""

    async def call_off(self, tp: TopicPartition) -> None:
        """Leave it where it was."""


class Moments(Protocol):
    """Instants of the world that are kept."""

    async def keep(self, label: str) -> object:
        """Keep the world as it is now."""

    async def keep_before(self, label: str) -> object:
        """Keep it in case somebody wants it back, where that is quick."""

    async def forget(self, number: int) -> None:
        """Keep that one no more."""


class Stepping(Protocol):
    """Time in small portions."""

    def step(self) -> None:
        """Let a moment pass, then stand still."""

    def to_next_event(self) -> None:
        """Let time pass until something happens."""


class Lab(Protocol):
    """An open lab."""

    @property
    def moments(self) -> Moments:
        """Instants one can go back to."""

    @property
    def stepping(self) -> Stepping:
        """Time in small portions."""

    async def rewind(self, number: int) -> None:
        """Put the world back to a moment, standing still."""

    @property
    def controller(self) -> Controller:
        """Where copies lie."""

    @property
    def faults(self) -> Faults:
        """What can be broken on purpose."""

    @property
    def events(self) -> EventLog:
        """What happened."""

    @property
    def clock(self) -> Clock:
        """Time in the lab."""

    @property
    def workload(self) -> Workload:
        """Spawned producers and consumers."""

    @property
    def offsets(self) -> Offsets:
        """Committed offsets."""

    @property
    def browser(self) -> Browser:
        """Records."""

    def snapshot(self) -> World:
        """Everything at this instant."""

    async def trace(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
        acks: str = "all",
    ) -> Trace:
        """Send one record and follow it step by step."""

    async def records_behind(self, figure: LedgerFigure) -> Sequence[LedgerRecord]:
        """Some hundreds of the records that a figure of the ledger counts."""

    async def create_topic(
        self, name: str, partitions: int = 1, replication_factor: int = 1, config: Mapping[str, str] | None = None
    ) -> Any:
        """Make a topic."""

    async def delete_topic(self, name: str) -> None:
        """Delete a topic with its records."""

    async def create_partitions(self, name: str, total: int) -> Any:
        """Grow a topic to `total` partitions."""

    async def alter_topic_config(self, name: str, config: Mapping[str, str | None]) -> Any:
        """Change settings; None takes one back to its default."""

    async def listen(self, host: str = "127.0.0.1", port: int = 9092) -> None:
        """Let Kafka clients connect: a port for each broker, counted up from `port`."""

    async def stop_listening(self) -> None:
        """Close the ports and drop who is connected."""

    def watch_client(self, number: int | None, *, alone: bool = False) -> None:
        """Keep the requests of the client that has this connection, or of it alone; or nobody's."""


OpenLab = Callable[[], AbstractAsyncContextManager[Lab]]
