"""What every assignor is: a pure rule by which a group's leader shares out partitions (`ConsumerPartitionAssignor`).

Assignors here keep nothing between calls. What a sticky rule must remember travels in each member's subscription.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar, NamedTuple

from engine.groups.consumer_protocol import Subscription
from engine.types import TopicPartition


class MemberSubscription(NamedTuple):
    """A member's subscription, and its `group.instance.id` where it is a static member."""

    subscription: Subscription
    group_instance_id: str | None = None


class Assignor(ABC):
    """A named rule; `cooperative` says that members keep what they own while they rejoin (KIP-429)."""

    name: ClassVar[str]
    cooperative: ClassVar[bool] = False

    @abstractmethod
    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions of all subscribed topics: member id to partitions, sorted, every member present.

        Topics missing from `partitions_per_topic` do not exist and are skipped; those nobody subscribes to are ignored.
        """

    def user_data(self, owned: Collection[TopicPartition], generation: int) -> bytes:
        """What a member's subscription tells the next leader; generation -1 before the first assignment."""
        return b""


def in_assignment_order(members: Mapping[str, MemberSubscription]) -> list[str]:
    """Member ids as range and roundrobin line them up: static members by instance id, then the others by member id.

    A static member keeps its instance id when it restarts, and so keeps its place (KIP-345).
    """

    def rank(member_id: str) -> tuple[bool, str]:
        instance_id = members[member_id].group_instance_id
        return (True, member_id) if instance_id is None else (False, instance_id)

    return sorted(members, key=rank)


def subscribers_by_topic(
    partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription], order: list[str]
) -> dict[str, list[int]]:
    """For each existing topic, by name, the positions in `order` of those who subscribe to it, ascending."""
    found: dict[str, list[int]] = {}
    for position, member_id in enumerate(order):
        for topic in set(members[member_id].subscription.topics):
            if partitions_per_topic.get(topic, 0) > 0:
                found.setdefault(topic, []).append(position)
    return dict(sorted(found.items()))
