"""Kafka's `CooperativeStickyAssignor` (KIP-429): the sticky result, less what somebody else still owns.

Members keep their partitions while they rejoin. One that must change hands is first only taken from its owner; the
owner gives it back and rejoins, and the next rebalance hands it over.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping

from engine.errors import InvalidRequestError
from engine.groups.assignors.base import Assignor, MemberSubscription
from engine.groups.assignors.ownership import NOBODY, Claim, Table, settle
from engine.groups.assignors.sticky import NO_GENERATION, share_stickily
from engine.groups.consumer_protocol import ByteReader, Subscription
from engine.types import TopicPartition


class CooperativeStickyAssignor(Assignor):
    """Nobody is given a partition in the same rebalance that takes it from another."""

    name = "cooperative-sticky"
    cooperative = True

    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions as Assignor.assign says, apart from those that must be given back first."""
        claims = {member_id: _read_owned(members[member_id].subscription) for member_id in members}
        table = Table(partitions_per_topic, members)
        ownership = settle(table, claims)
        held = share_stickily(table, ownership)
        owner, contested = ownership.owner, ownership.contested
        return {
            member_id: [
                table.partitions[p] for p in sorted(mine) if owner[p] in (member, NOBODY) and p not in contested
            ]
            for member, (member_id, mine) in enumerate(zip(table.members, held, strict=True))
        }

    def user_data(self, owned: Collection[TopicPartition], generation: int) -> bytes:
        """The generation, for leaders that read subscriptions older than version 2."""
        return struct.pack(">i", generation)


def _read_owned(subscription: Subscription) -> Claim:
    if subscription.generation_id >= 0 or not subscription.user_data:
        return Claim(subscription.owned_partitions, subscription.generation_id)
    try:
        generation = ByteReader(subscription.user_data, "cooperative-sticky user data").int32()
    except InvalidRequestError:
        generation = NO_GENERATION
    return Claim(subscription.owned_partitions, generation)
