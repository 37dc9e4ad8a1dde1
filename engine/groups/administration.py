"""What administrators ask of a group coordinator: which groups there are, how they stand, and to delete some of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.errors import ErrorCode, GroupIdNotFoundError, KafkaError
from engine.groups.by_hand import ByHand
from engine.groups.listing import described, listed, matches
from engine.groups.modern.consumer_group import ConsumerGroup
from engine.groups.shard import Shard, check_group_id
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
    """Looks through the coordinator's `shards`; `shard_of` gives that of a group, or raises where it is not here."""

    def __init__(self, shard_of: Callable[[str], Shard], shards: Mapping[int, Shard], by_hand: ByHand) -> None:
        self._shard_of = shard_of
        self._shards = shards
        self._by_hand = by_hand

    async def offset_delete(self, client: ClientInfo, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
        """GROUP_SUBSCRIBED_TO_TOPIC for what the group still wants; raises where there is no such group (KIP-496)."""
        check_group_id(request.group_id)
        shard = self._shard_of(request.group_id)
        group = shard.group(request.group_id)
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
                shard = self._shard_of(group_id)
                group = shard.group(group_id)
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
                group = self._shard_of(group_id).group(group_id)
                if group is None:
                    raise GroupIdNotFoundError(f"There is no group {group_id}.")
                if isinstance(group, ConsumerGroup):
                    raise GroupIdNotFoundError(f"{group_id} is no group of the classic protocol.")
                answers.append(described(group.group))
            except KafkaError as error:
                answers.append(DescribedGroup(group_id, Outcome.of(error)))
        return DescribeGroupsResponse(tuple(answers))

    async def list_groups(self, client: ClientInfo, request: ListGroupsRequest) -> ListGroupsResponse:
        """The groups coordinated here that match; raises while any partition is still being read."""
        for shard in self._shards.values():
            shard.check_loaded()
        groups = [listed(group.group) for shard in self._shards.values() for group in shard.groups.values()]
        return ListGroupsResponse(tuple(group for group in groups if matches(group, request)))

    async def consumer_group_describe(
        self, client: ClientInfo, request: ConsumerGroupDescribeRequest
    ) -> ConsumerGroupDescribeResponse:
        """How a group of the consumer protocol stands; raises GroupIdNotFoundError where there is none."""
        check_group_id(request.group_id)
        return self._shard_of(request.group_id).group_to_consume(request.group_id, joins=False).describe()
