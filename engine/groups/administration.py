"""What administrators ask of a group coordinator: which groups there are, how they stand, and to delete some of it."""

from __future__ import annotations

from engine.coordinators.shards import Shards
from engine.errors import ErrorCode, GroupIdNotFoundError, KafkaError
from engine.groups.by_hand import ByHand
from engine.groups.classic import ClassicGroup
from engine.groups.listing import described, matches
from engine.groups.shard import GroupShard, check_group_id
from engine.messages import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    DeleteGroupsRequest,
    DeleteGroupsResponse,
    DescribedGroup,
    DescribeGroupsRequest,
    DescribeGroupsResponse,
    ListGroupsRequest,
    ListGroupsResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    Outcome,
)
from engine.types import ClientInfo


class GroupAdministration:
    """Looks through the coordinator's `shards`."""

    def __init__(self, shards: Shards[GroupShard], by_hand: ByHand) -> None:
        self._shards = shards
        self._by_hand = by_hand

    async def offset_delete(self, client: ClientInfo, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
        """GROUP_SUBSCRIBED_TO_TOPIC for what the group still wants; raises where there is no such group (KIP-496)."""
        check_group_id(request.group_id)
        shard = self._shards.of(request.group_id)
        group = shard.groups.get(request.group_id)
        there = set(group.committed) if group is not None else set()
        errors = await shard.delete_offsets(request.group_id, request.partitions)
        forgotten = sum(tp in there for tp, error in errors.items() if error is ErrorCode.NONE)
        if forgotten and not request.told:
            self._by_hand.forgotten(request.group_id, forgotten)
        return OffsetDeleteResponse(errors)

    async def delete_groups(self, client: ClientInfo, request: DeleteGroupsRequest) -> DeleteGroupsResponse:
        """Each group is deleted with its offsets, or gets its own error."""
        errors = {}
        for group_id in request.group_ids:
            try:
                shard = self._shards.of(group_id)
                group = shard.groups.get(group_id)
                offsets = len(group.committed) if group is not None else 0
                await shard.delete(group_id)
                self._by_hand.deleted(group_id, offsets)
                errors[group_id] = ErrorCode.NONE
            except KafkaError as error:
                errors[group_id] = error.code
        return DeleteGroupsResponse(errors)

    async def describe_groups(self, client: ClientInfo, request: DescribeGroupsRequest) -> DescribeGroupsResponse:
        """How each classic group stands; one that is not there is Dead, with GROUP_ID_NOT_FOUND (KIP-1043)."""
        answers = []
        for group_id in request.group_ids:
            try:
                check_group_id(group_id)
                group = self._shards.of(group_id).groups.get(group_id)
                if group is None:
                    raise GroupIdNotFoundError(f"There is no group {group_id}.")
                if not isinstance(group, ClassicGroup):
                    raise GroupIdNotFoundError(f"{group_id} is no group of the classic protocol.")
                answers.append(described(group.group))
            except KafkaError as error:
                answers.append(DescribedGroup(group_id, Outcome.of(error)))
        return DescribeGroupsResponse(tuple(answers))

    async def list_groups(self, client: ClientInfo, request: ListGroupsRequest) -> ListGroupsResponse:
        """The groups coordinated here that match; raises while any partition is still being read."""
        for shard in self._shards:
            shard.check()
        groups = [group.listed() for shard in self._shards for group in shard.groups.values()]
        return ListGroupsResponse(tuple(group for group in groups if matches(group, request)))

    async def consumer_group_describe(
        self, client: ClientInfo, request: ConsumerGroupDescribeRequest
    ) -> ConsumerGroupDescribeResponse:
        """How a group of the consumer protocol stands; raises GroupIdNotFoundError where there is none."""
        check_group_id(request.group_id)
        return self._shards.of(request.group_id).groups.to_consume(request.group_id, joins=False).describe()
