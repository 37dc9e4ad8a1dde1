"""A coordinator over a log in memory, and clients that speak to it step by step."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.clock import ManualClock
from engine.config import BrokerConfig
from engine.coordinators.placing import partition_for
from engine.coordinators.writer import LogEntry, Within
from engine.errors import KafkaError, MemberIdRequiredError
from engine.events import EventLog
from engine.groups.assignors import ASSIGNORS, MemberSubscription
from engine.groups.consumer_protocol import (
    Assignment,
    Subscription,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
)
from engine.groups.coordinator import GroupCoordinator
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeavingMember,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from engine.snapshot import GroupView, Rebalance
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition

R = TypeVar("R")

GROUP = "billing"
PARTITION = partition_for(GROUP, 50)
START_MS = 1_000_000


class MemoryLog:
    """`__consumer_offsets` in memory; appends can be held up and made to fail."""

    topic = "__consumer_offsets"

    def __init__(self, clock: ManualClock) -> None:
        self.records: dict[int, list[LogEntry]] = {}
        self.appends: list[int] = []
        """How many records each append brought."""
        self.error: KafkaError | None = None
        self.open = asyncio.Event()
        self.open.set()
        self._clock = clock

    async def append(
        self, partition: int, records: Sequence[tuple[bytes, bytes | None]], within: Within | None = None
    ) -> None:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.appends.append(len(records))
        written = records if within is None or within.marker is None else [(b"", None)]
        entries = [LogEntry(key, value, self._clock.now(), within) for key, value in written]
        self.records.setdefault(partition, []).extend(entries)

    async def read(self, partition: int) -> Sequence[LogEntry]:
        await self.open.wait()
        return list(self.records.get(partition, ()))


class World:
    """One broker's coordinator and everything around it; the metadata, too."""

    version = 1

    def __init__(self, **config: object) -> None:
        self.clock = ManualClock(START_MS)
        self.events = EventLog()
        self.topics = {"orders": 4}
        self.log = MemoryLog(self.clock)
        self.config = replace(BrokerConfig(group_initial_rebalance_delay_ms=3_000), **config)  # type: ignore[arg-type]
        self.coordinator = self.new_coordinator()

    def new_coordinator(self) -> GroupCoordinator:
        return GroupCoordinator(1, self.clock, self.config, self.log, self.events, self)

    @property
    def counts(self) -> Mapping[str, int]:
        return self.topics

    @property
    def ids(self) -> Mapping[str, bytes]:
        return {name: uuid.uuid5(uuid.NAMESPACE_OID, name).bytes for name in self.topics}

    async def reload(self) -> None:
        """Another broker becomes the coordinator."""
        self.coordinator.close()
        self.coordinator = self.new_coordinator()
        await self.coordinator.load(PARTITION)

    def client(self, name: str, **options: object) -> Client:
        return Client(self, name, **options)  # type: ignore[arg-type]

    async def settle(self) -> None:
        await self.clock.settle()

    @property
    def view(self) -> GroupView:
        return next(view for view in self.views() if view.group_id == GROUP)

    def views(self) -> tuple[GroupView, ...]:
        return self.coordinator.views(lambda tp: (0, 100), lambda group_id, tp: None)

    @property
    def rebalances(self) -> tuple[Rebalance, ...]:
        return self.view.rebalances

    def told(self) -> list[str]:
        return [event.sentence() for event in self.events.last(1_000)]

    async def commit(self, offsets: Mapping[TopicPartition, int], generation: int = -1, member_id: str = "") -> None:
        """Commit as somebody outside the group, unless said otherwise."""
        given = {tp: OffsetAndMetadata(offset) for tp, offset in offsets.items()}
        request = OffsetCommitRequest(GROUP, given, generation, member_id)
        answer = await self.coordinator.offset_commit(ClientInfo("admin"), request)
        assert set(answer.errors.values()) <= {0}, answer

    async def committed(self) -> dict[TopicPartition, int]:
        answer = await self.coordinator.offset_fetch(ClientInfo("admin"), OffsetFetchRequest(GROUP))
        return {tp: given.offset for tp, given in answer.offsets.items()}


@dataclass(eq=False)
class Client:
    """A consumer's side of the group protocol, one request at a time."""

    world: World
    name: str
    assignors: tuple[str, ...] = ("range",)
    topics: tuple[str, ...] = ("orders",)
    session_timeout_ms: int = 10_000
    rebalance_timeout_ms: int = 60_000
    group_instance_id: str | None = None
    user_data: bytes = b""
    member_id: str = ""
    generation: int = -1
    protocol: str = ""
    joined: JoinGroupResponse | None = None
    synced: int = -1
    """The generation it was last given a share in, where somebody keeps count."""
    owned: tuple[TopicPartition, ...] = ()
    reason: str = ""

    @property
    def info(self) -> ClientInfo:
        return ClientInfo(self.name)

    @property
    def cooperative(self) -> bool:
        return all(name == "cooperative-sticky" for name in self.assignors)

    def subscription(self, name: str) -> bytes:
        owned = self.owned if self.cooperative else ()
        return encode_subscription(Subscription(self.topics, self.user_data, owned, self.generation))

    def join_request(self) -> JoinGroupRequest:
        return JoinGroupRequest(
            GROUP,
            self.member_id,
            tuple((name, self.subscription(name)) for name in self.assignors),
            self.session_timeout_ms,
            self.rebalance_timeout_ms,
            self.group_instance_id,
            reason=self.reason,
        )

    async def get_id(self) -> str:
        """The first try of a dynamic member, which is sent back with its id."""
        try:
            await self.world.coordinator.join_group(self.info, self.join_request())
        except MemberIdRequiredError as error:
            self.member_id = error.member_id
        return self.member_id

    async def join(self) -> JoinGroupResponse:
        if not self.cooperative:
            self.owned = ()
        if not self.member_id and self.group_instance_id is None:
            await self.get_id()
        answer = await self.world.coordinator.join_group(self.info, self.join_request())
        self.joined, self.member_id = answer, answer.member_id
        self.generation, self.protocol = answer.generation_id, answer.protocol_name
        return answer

    def start_join(self) -> asyncio.Task[JoinGroupResponse]:
        return asyncio.create_task(self.join())

    @property
    def leads(self) -> bool:
        return self.joined is not None and self.joined.leader == self.member_id

    def share_out(self) -> dict[str, bytes]:
        """What the leader makes of what it was told."""
        assert self.joined is not None
        members = {
            member.member_id: MemberSubscription(decode_subscription(member.metadata), member.group_instance_id)
            for member in self.joined.members
        }
        shares = ASSIGNORS[self.protocol].assign(self.world.topics, members)
        return {member_id: encode_assignment(Assignment(tuple(tps))) for member_id, tps in shares.items()}

    async def sync(self, assignments: Mapping[str, bytes] | None = None) -> SyncGroupResponse:
        if assignments is None:
            assignments = self.share_out() if self.leads and self.joined and self.joined.members else {}
        request = SyncGroupRequest(GROUP, self.generation, self.member_id, self.group_instance_id, assignments)
        answer = await self.world.coordinator.sync_group(self.info, request)
        self.owned = decode_assignment(answer.assignment).partitions
        return answer

    def start_sync(self, assignments: Mapping[str, bytes] | None = None) -> asyncio.Task[SyncGroupResponse]:
        return asyncio.create_task(self.sync(assignments))

    async def heartbeat(self) -> None:
        request = HeartbeatRequest(GROUP, self.generation, self.member_id, self.group_instance_id)
        await self.world.coordinator.heartbeat(self.info, request)

    async def leave(self, reason: str = "") -> None:
        leaving = LeavingMember(self.member_id, self.group_instance_id, reason)
        answer = await self.world.coordinator.leave_group(self.info, LeaveGroupRequest(GROUP, (leaving,)))
        assert answer.errors == (0,), answer

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        given = {tp: OffsetAndMetadata(offset) for tp, offset in offsets.items()}
        request = OffsetCommitRequest(GROUP, given, self.generation, self.member_id, self.group_instance_id)
        answer = await self.world.coordinator.offset_commit(self.info, request)
        assert set(answer.errors.values()) <= {0}, answer


async def new_world(**config: object) -> World:
    world = World(**config)
    await world.coordinator.load(PARTITION)
    return world


async def answers(world: World, *tasks: asyncio.Task[R]) -> list[R]:
    """What the requests are answered without time passing; an error they are refused with is raised."""
    await world.settle()
    waiting = [number for number, task in enumerate(tasks) if not task.done()]
    assert not waiting, f"requests {waiting} are still waiting"
    return [task.result() for task in tasks]


async def rebalance(world: World, *clients: Client) -> None:
    """Everyone of `clients` joins, then syncs."""
    await answers(world, *(client.start_join() for client in clients))
    await share_out(world, *clients)


async def share_out(world: World, *clients: Client) -> None:
    """Everyone of `clients` syncs, the leader last."""
    await answers(world, *(client.start_sync() for client in sorted(clients, key=lambda client: client.leads)))


async def stable_group(world: World, *names: str, **options: object) -> list[Client]:
    """A group that is Stable with these members, in generation 1, the first one leading."""
    clients = [world.client(name, **options) for name in names]
    joins = []
    for client in clients:
        joins.append(client.start_join())
        await world.settle()
    await world.clock.until(lambda: all(join.done() for join in joins))
    await share_out(world, *clients)
    assert clients[0].leads
    return clients


def tps(*numbers: int, topic: str = "orders") -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, number) for number in numbers)


def tp(number: int, topic: str = "orders") -> TopicPartition:
    return TopicPartition(topic, number)


def refused(task: asyncio.Task[R]) -> type[BaseException] | None:
    """What the request was refused with; None when it was answered."""
    error = task.exception()
    return None if error is None else type(error)
