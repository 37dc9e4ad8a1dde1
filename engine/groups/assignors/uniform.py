"""Kafka's server-side `UniformAssignor` (KIP-848): as even as can be, and as little moved as can be.

What a member has so far is its target, which the coordinator knows; its rule is the sticky one. Where Kafka lets the
members it comes to first keep one partition more, those keep it that have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.groups.assignors.base import Assignor, MemberSubscription
from engine.groups.assignors.ownership import Claim, Table, settle
from engine.groups.assignors.sticky import share_stickily
from engine.types import TopicPartition


class UniformAssignor(Assignor):
    """Loads differ by one at most where the subscriptions allow it; partitions stay where they were if they can."""

    name = "uniform"
    cooperative = True

    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions as Assignor.assign says; what members own already is their target so far."""
        claims = {member_id: Claim(members[member_id].subscription.owned_partitions, 0) for member_id in members}
        table = Table(partitions_per_topic, members)
        held = share_stickily(table, settle(table, claims))
        return {
            member_id: [table.partitions[p] for p in sorted(mine)]
            for member_id, mine in zip(table.members, held, strict=True)
        }
