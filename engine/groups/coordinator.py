"""The group coordinator of one broker: takes each request to its group, and waits for what has to be waited for.

Kafka's `GroupCoordinatorService`. The groups of a partition of `__consumer_offsets` are coordinated by its leader.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import TypeVar

from engine.clock import Clock
from engine.config import INTERNAL_TOPIC, BrokerConfig
from engine.coordinators.shards import Shards
from engine.coordinators.writer import StateLog, Within
from engine.errors import (
    CoordinatorLoadInProgressError,
    ErrorCode,
    InvalidSessionTimeoutError,
    KafkaError,
)
from engine.events import EventLog
from engine.groups.administration import GroupAdministration
from engine.groups.by_hand import ByHand
from engine.groups.classic import ClassicGroup
from engine.groups.coordinated import Coordinated
from engine.groups.member import Reply
from engine.groups.modern.consumer_group import ConsumerGroup, check_heartbeat
from engine.groups.modern.views import ModernViewer
from engine.groups.roster import Metadata
from engine.groups.shard import GroupShard, check_group_id
from engine.groups.standings import Position, Standing
from engine.groups.views import Viewer
from engine.messages import (
    JOIN_EPOCH,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    SyncGroupRequest,
    SyncGroupResponse,
    TxnOffsetCommitRequest,
    TxnOffsetCommitResponse,
)
from engine.snapshot import GroupView
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition

R = TypeVar("R")


class GroupCoordinator:
    """Answers every request about groups whose partition of `__consumer_offsets` this broker leads."""

    def __init__(
        self,
        broker_id: int,
        clock: Clock,
        config: BrokerConfig,
        log: StateLog,
        events: EventLog,
        metadata: Metadata,
    ) -> None:
        self.broker_id = broker_id
        self._clock = clock
        self._config = config
        self._log = log
        self._events = events
        self._by_hand = ByHand(clock, events)
        self._metadata = metadata
        self._shards = Shards[GroupShard](
            broker_id, log, lambda: metadata.counts.get(INTERNAL_TOPIC, config.offsets_topic_num_partitions)
        )
        self.administration = GroupAdministration(self._shards, self._by_hand)
        self._viewers: dict[str, Viewer | ModernViewer] = {}
        self._ids = 0
        self._views: tuple[GroupView, ...] = ()

    async def load(self, partition: int) -> None:
        """Become the coordinator of the groups of this partition: rebuild them from its log.

        They are answered CoordinatorLoadInProgressError meanwhile. Raises what reading the log raises.
        """
        shard = GroupShard(partition, self._clock, self._config, self._log, self._events, self._metadata)
        records = await self._shards.read(shard)
        if records is not None:
            shard.load(records)

    def unload(self, partition: int) -> None:
        """Stop being it: what waits fails with NotCoordinatorError, and timers are cancelled."""
        self._shards.unload(partition)

    def close(self) -> None:
        """Stop coordinating anything."""
        self._shards.close()

    # Membership

    async def join_group(self, client: ClientInfo, request: JoinGroupRequest) -> JoinGroupResponse:
        """Answered when the generation is complete; raises MemberIdRequiredError on a dynamic member's first try."""
        check_group_id(request.group_id)
        shortest, longest = self._config.group_min_session_timeout_ms, self._config.group_max_session_timeout_ms
        if not shortest <= request.session_timeout_ms <= longest:
            raise InvalidSessionTimeoutError(
                f"A session timeout of {request.session_timeout_ms} ms is outside {shortest} to {longest} ms "
                "(group.min.session.timeout.ms, group.max.session.timeout.ms)."
            )
        group = self._shards.of(request.group_id).groups.to_join(request.group_id, request.member_id)
        reply, answer = _ask(JoinGroupResponse)
        group.join(client, request, reply)
        return await answer

    async def sync_group(self, client: ClientInfo, request: SyncGroupRequest) -> SyncGroupResponse:
        """Answered when the leader has brought the assignments and they are stored."""
        check_group_id(request.group_id)
        group = self._shards.of(request.group_id).groups.known(request.group_id)
        reply, answer = _ask(SyncGroupResponse)
        group.sync(request, reply)
        return await answer

    async def heartbeat(self, client: ClientInfo, request: HeartbeatRequest) -> HeartbeatResponse:
        """While the group is still being loaded every heartbeat is good."""
        check_group_id(request.group_id)
        try:
            self._shards.of(request.group_id).groups.known(request.group_id).heartbeat(request)
        except CoordinatorLoadInProgressError:
            pass
        return HeartbeatResponse()

    async def leave_group(self, client: ClientInfo, request: LeaveGroupRequest) -> LeaveGroupResponse:
        """An error for each member; UNKNOWN_MEMBER_ID for all where there is no such group."""
        check_group_id(request.group_id)
        group = self._shards.of(request.group_id).groups.get(request.group_id)
        if group is None:
            return LeaveGroupResponse((ErrorCode.UNKNOWN_MEMBER_ID,) * len(request.members))
        reply, answer = _ask(LeaveGroupResponse)
        group.leave(request, reply)
        return await answer

    async def consumer_group_heartbeat(
        self, client: ClientInfo, request: ConsumerGroupHeartbeatRequest
    ) -> ConsumerGroupHeartbeatResponse:
        """Answered when what it changes is stored; a member that joins without an id is given one."""
        joins = request.member_epoch == JOIN_EPOCH
        if joins and not request.member_id:
            request = replace(request, member_id=self._new_member_id(request.group_id))
        check_heartbeat(request, self._config.group_consumer_assignors)
        shard = self._shards.of(request.group_id)
        reply, answer = _ask(ConsumerGroupHeartbeatResponse)
        shard.groups.to_consume(request.group_id, joins=joins).hear(client, request, reply)
        try:
            return await answer
        except KafkaError:
            shard.groups.discard_if_bare(request.group_id)
            raise

    def _new_member_id(self, group_id: str) -> str:
        """One that no one has had, and the same again in a lab that is run again."""
        self._ids += 1
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{group_id}/{self._clock.now_ms()}/{self.broker_id}/{self._ids}"))

    # Offsets

    async def offset_commit(self, client: ClientInfo, request: OffsetCommitRequest) -> OffsetCommitResponse:
        """Partitions that do not exist and metadata that is too long get their own errors; all else fails as one."""
        shard = self._shards.of(request.group_id)
        errors = {tp: self._check_commit(tp, given) for tp, given in request.offsets.items()}
        if any(error is not ErrorCode.UNKNOWN_TOPIC_OR_PARTITION for error in errors.values()):
            shard.offsets.check_commit(request)
        good = {tp: given for tp, given in request.offsets.items() if errors[tp] is ErrorCode.NONE}
        if good:
            group = shard.groups.get(request.group_id)
            had_members = group is not None and bool(group.protocol_type)
            before = {tp: value.offset for tp, value in group.committed.in_force.items()} if group is not None else {}
            await shard.offsets.commit(request.group_id, good)
            if had_members and request.generation_id < 0 and not request.told:
                self._by_hand.moved(request.group_id, before, good)
        return OffsetCommitResponse(errors)

    def _check_commit(self, tp: TopicPartition, given: OffsetAndMetadata) -> ErrorCode:
        if not 0 <= tp.partition < self._metadata.counts.get(tp.topic, 0):
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if len(given.metadata) > self._config.offset_metadata_max_bytes:
            return ErrorCode.OFFSET_METADATA_TOO_LARGE
        return ErrorCode.NONE

    async def offset_fetch(self, client: ClientInfo, request: OffsetFetchRequest) -> OffsetFetchResponse:
        """What is committed of the partitions asked for; nothing where there is no such group."""
        shard = self._shards.of(request.group_id)
        group = shard.groups.get(request.group_id)
        if group is not None:
            group.check_fetch(request)
        committed = group.committed.in_force if group is not None else {}
        unstable = shard.offsets.unstable(request.group_id) if request.require_stable else frozenset()
        wanted = committed if request.partitions is None else request.partitions
        return OffsetFetchResponse(
            {
                tp: OffsetAndMetadata(it.offset, it.metadata, it.leader_epoch)
                for tp in wanted
                if tp not in unstable and (it := committed.get(tp)) is not None
            },
            unstable.intersection(wanted),
        )

    # Offsets in transactions

    async def txn_offset_commit(self, client: ClientInfo, request: TxnOffsetCommitRequest) -> TxnOffsetCommitResponse:
        """As `offset_commit`, but what is stored counts once the producer's transaction is committed."""
        check_group_id(request.group_id)
        shard = self._shards.of(request.group_id)
        errors = {tp: self._check_commit(tp, given) for tp, given in request.offsets.items()}
        shard.offsets.check_transactional_commit(request)
        good = {tp: given for tp, given in request.offsets.items() if errors[tp] is ErrorCode.NONE}
        if good:
            await shard.offsets.commit_in_transaction(request, good)
        return TxnOffsetCommitResponse(errors)

    async def end_transaction(self, partition: int, within: Within) -> None:
        """Write the marker of a transaction to a partition of `__consumer_offsets`; raises KafkaError."""
        await self._shards.at(partition).offsets.end_transaction(within)

    def forget_topic(self, topic: str) -> None:
        """The topic was deleted: what is committed for it gets tombstones in the background."""
        for shard in self._shards:
            if not shard.loading:
                shard.forget_topic(topic)

    # How it stands

    def views(self, standing: Standing, position: Position) -> tuple[GroupView, ...]:
        """The groups coordinated here, by id; what has not changed is the same object again."""
        groups = {group_id: group for shard in self._shards for group_id, group in shard.groups.items()}
        if len(self._viewers) > len(groups):
            self._viewers = {group_id: seen for group_id, seen in self._viewers.items() if group_id in groups}
        topics = self._metadata.counts
        views = []
        for group_id in sorted(groups):
            viewer = self._viewers.get(group_id)
            if viewer is None or viewer.seen is not groups[group_id]:
                viewer = self._viewers[group_id] = _viewer(groups[group_id])
            views.append(viewer.view(self.broker_id, topics, standing, position))
        if len(views) != len(self._views) or any(a is not b for a, b in zip(views, self._views, strict=True)):
            self._views = tuple(views)
        return self._views


def _viewer(group: Coordinated) -> Viewer | ModernViewer:
    if isinstance(group, ConsumerGroup):
        return ModernViewer(group)
    assert isinstance(group, ClassicGroup)
    return Viewer(group)


def _ask(kind: type[R]) -> tuple[Reply[R], asyncio.Future[R]]:
    """A reply, and the future that waits for it; `kind` is what is answered."""
    future: asyncio.Future[R] = asyncio.get_running_loop().create_future()

    def done(answer: R | KafkaError) -> None:
        if future.done():
            return  # its sender has gone
        if isinstance(answer, KafkaError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    return Reply(done), future
