"""What the sticky rules start from: partitions and members as small integers, and who rightly owns what already.

Claims are settled as in Kafka's `AbstractStickyAssignor`: the highest generation wins, and a partition that two members
of that same generation claim belongs to neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from engine.groups.assignors.base import MemberSubscription
from engine.types import TopicPartition

NOBODY = -1


class Claim(NamedTuple):
    """What one member says it owns, and since which generation; -1 for none."""

    owned: Iterable[TopicPartition]
    generation: int


class Table:
    """The group as integers: members by sorted id, partitions by topic name, then number.

    Partition `p` of topic `t` is `first[t] + p`. Topics that do not exist or that nobody wants are not in it.
    """

    __slots__ = ("first", "groups", "members", "partitions", "subscribed", "topics")

    def __init__(self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]) -> None:
        self.members = sorted(members)
        self.subscribed: list[frozenset[str]] = [frozenset(members[m].subscription.topics) for m in self.members]
        alike: dict[frozenset[str], list[int]] = {}
        for member, topics in enumerate(self.subscribed):
            alike.setdefault(topics, []).append(member)
        # Members with equal subscriptions are looked at once; a large group has few kinds of them.
        kinds_of: dict[str, list[int]] = {}
        for kind, topics in enumerate(alike):
            for topic in topics:
                if partitions_per_topic.get(topic, 0) > 0:
                    kinds_of.setdefault(topic, []).append(kind)
        self.topics = {topic: partitions_per_topic[topic] for topic in sorted(kinds_of)}
        self.first: dict[str, int] = {}
        self.partitions: list[TopicPartition] = []
        for topic, count in self.topics.items():
            self.first[topic] = len(self.partitions)
            self.partitions += [TopicPartition(topic, number) for number in range(count)]
        everyone = list(alike.values())
        shared: dict[tuple[int, ...], list[int]] = {}
        self.groups: dict[str, list[int]] = {}
        """For each topic its subscribers, ascending; topics with the same subscribers share one list object."""
        for topic in self.topics:
            kinds = tuple(kinds_of[topic])
            if kinds not in shared:
                shared[kinds] = sorted(chain.from_iterable(everyone[kind] for kind in kinds))
            self.groups[topic] = shared[kinds]

    @property
    def all_alike(self) -> bool:
        """Whether every member may be given every partition."""
        return all(len(group) == len(self.members) for group in self.groups.values())


@dataclass(frozen=True, slots=True)
class Ownership:
    """Settled claims: `owner[partition]` is a member or NOBODY, whether or not it still subscribes."""

    owner: list[int]
    contested: set[int]
    """Claimed by two members of the same generation; owned by nobody."""
    earlier: dict[int, int]
    """Partition to the member that claims it from the latest generation before its owner's."""


def settle(table: Table, claims: Mapping[str, Claim]) -> Ownership:
    """Decide between the members' claims; those on partitions that no longer exist are dropped."""
    owner = [NOBODY] * len(table.partitions)
    since = [0] * len(owner)
    contested: set[int] = set()
    earlier: dict[int, int] = {}
    earlier_since: dict[int, int] = {}
    for member, member_id in enumerate(table.members):
        owned, generation = claims[member_id]
        for topic, number in owned:
            if not 0 <= number < table.topics.get(topic, 0):
                continue
            partition = table.first[topic] + number
            other = owner[partition]
            if other == NOBODY:
                owner[partition], since[partition] = member, generation
            elif other == member:
                continue
            elif generation == since[partition]:
                contested.add(partition)
            elif generation > since[partition]:
                earlier[partition], earlier_since[partition] = other, since[partition]
                owner[partition], since[partition] = member, generation
                contested.discard(partition)
            elif generation > earlier_since.get(partition, generation - 1):
                earlier[partition], earlier_since[partition] = member, generation
    for partition in contested:
        owner[partition] = NOBODY
    return Ownership(owner, contested, earlier)
