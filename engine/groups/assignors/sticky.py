"""Kafka's `StickyAssignor` (KIP-54): as even as can be, and as little moved as can be, under the eager protocol.

Members give everything back before they rejoin, so each tells what it had in its user data: `previous_assignment`, an
array of (topic, partitions), and since version 1 the `generation` it had it in.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping

from engine.errors import InvalidRequestError
from engine.groups.assignors.base import Assignor, MemberSubscription
from engine.groups.assignors.constrained import share_evenly
from engine.groups.assignors.general import share_among_subscribers
from engine.groups.assignors.ownership import Claim, Ownership, Table, settle
from engine.groups.consumer_protocol import ByteReader, Subscription, encode_partitions
from engine.types import TopicPartition

NO_GENERATION = -1


class StickyAssignor(Assignor):
    """Loads differ by one at most where the subscriptions allow it; partitions stay where they were if they can."""

    name = "sticky"

    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions as Assignor.assign says."""
        claims = {member_id: read_previous_assignment(members[member_id].subscription) for member_id in members}
        table = Table(partitions_per_topic, members)
        held = share_stickily(table, settle(table, claims))
        return {
            member_id: [table.partitions[p] for p in sorted(mine)]
            for member_id, mine in zip(table.members, held, strict=True)
        }

    def user_data(self, owned: Collection[TopicPartition], generation: int) -> bytes:
        """The previous assignment and its generation, version 1; nothing before the first assignment."""
        if generation == NO_GENERATION and not owned:
            return b""
        return encode_partitions(sorted(owned)) + struct.pack(">i", generation)


def share_stickily(table: Table, ownership: Ownership) -> list[list[int]]:
    """The sticky rule proper: for each member of the table, the partitions it ought to have in the end."""
    if not table.members:
        return []
    if table.all_alike:
        return share_evenly(table, ownership.owner)
    return share_among_subscribers(table, ownership)


def read_previous_assignment(subscription: Subscription) -> Claim:
    """What the user data claims; data that cannot be read claims nothing, as in Kafka."""
    if not subscription.user_data:
        return Claim((), NO_GENERATION)
    reader = ByteReader(subscription.user_data, "sticky user data")
    try:
        owned = reader.partitions()
    except InvalidRequestError:
        return Claim((), NO_GENERATION)
    try:
        return Claim(owned, reader.int32())
    except InvalidRequestError:
        return Claim(owned, NO_GENERATION)  # version 0, which told no generation
