"""Members of the consumer protocol that speak to a coordinator one heartbeat at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.messages import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    OffsetCommitRequest,
)
from engine.snapshot import MemberView
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition
from tests.engine.groups.group_world import GROUP, World

_numbers = itertools.count(1)


@dataclass(eq=False)
class Consumer:
    """A member's side of the protocol. `owned` is what it works on, `told` what it may have."""

    world: World
    name: str
    topics: tuple[str, ...] = ("orders",)
    pattern: str | None = None
    assignor: str | None = None
    group_instance_id: str | None = None
    rebalance_timeout_ms: int = 60_000
    epoch: int = JOIN_EPOCH
    owned: set[TopicPartition] = field(default_factory=set)
    told: frozenset[TopicPartition] = frozenset()
    member_id: str = ""

    def __post_init__(self) -> None:
        self.member_id = self.member_id or f"{self.name}-id-{next(_numbers)}"

    @property
    def info(self) -> ClientInfo:
        return ClientInfo(self.name)

    @property
    def seen(self) -> MemberView:
        """As its coordinator shows it."""
        return next(member for member in self.world.view.members if member.member_id == self.member_id)

    async def send(self, epoch: int, **changes: object) -> ConsumerGroupHeartbeatResponse:
        request = ConsumerGroupHeartbeatRequest(GROUP, self.member_id, epoch, self.group_instance_id, **changes)  # type: ignore[arg-type]
        return await self.world.coordinator.consumer_group_heartbeat(self.info, request)

    async def join(self) -> ConsumerGroupHeartbeatResponse:
        self.owned, self.told = set(), frozenset()
        return self.take(
            await self.send(
                JOIN_EPOCH,
                rebalance_timeout_ms=self.rebalance_timeout_ms,
                topics=self.topics,
                pattern=self.pattern,
                server_assignor=self.assignor,
                partitions=(),
            )
        )

    async def beat(self, **changes: object) -> ConsumerGroupHeartbeatResponse:
        """A heartbeat that says nothing new, unless told what."""
        return self.take(await self.send(self.epoch, **changes))

    async def give_up(self) -> ConsumerGroupHeartbeatResponse:
        """Do as told: give up what it may have no longer, and say so."""
        self.owned &= self.told
        return await self.beat(partitions=tuple(sorted(self.owned)))

    async def leave(self) -> None:
        await self.send(LEAVE_EPOCH)

    async def step_away(self) -> None:
        await self.send(LEAVE_STATIC_EPOCH)

    def take(self, answer: ConsumerGroupHeartbeatResponse) -> ConsumerGroupHeartbeatResponse:
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.told = frozenset(answer.assignment)
            self.owned |= self.told
        return answer

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        given = {tp: OffsetAndMetadata(offset) for tp, offset in offsets.items()}
        request = OffsetCommitRequest(GROUP, given, self.epoch, self.member_id, self.group_instance_id)
        answer = await self.world.coordinator.offset_commit(self.info, request)
        assert set(answer.errors.values()) <= {0}, answer


async def reconcile(*consumers: Consumer, rounds: int = 4) -> None:
    """Everybody sends heartbeats and does as it is told, until nothing changes any more."""
    for _ in range(rounds):
        for consumer in consumers:
            await consumer.beat()
            if consumer.owned - consumer.told:
                await consumer.give_up()


async def reconciled(world: World, *names: str, **options: object) -> list[Consumer]:
    """A Stable group of these members."""
    consumers = [Consumer(world, name, **options) for name in names]  # type: ignore[arg-type]
    for consumer in consumers:
        await consumer.join()
    await reconcile(*consumers)
    return consumers
