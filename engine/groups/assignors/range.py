"""Kafka's `RangeAssignor`: topic by topic, each member gets one run of neighbouring partitions.

Partitions with the same number in topics of the same size go to the same member. The rack-aware part (KIP-881) is
left out: the lab's brokers stand in no racks.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.groups.assignors.base import Assignor, MemberSubscription, in_assignment_order, subscribers_by_topic
from engine.types import TopicPartition


class RangeAssignor(Assignor):
    """Per topic: n partitions over c members in order; the first n mod c get one more."""

    name = "range"

    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions as Assignor.assign says."""
        order = in_assignment_order(members)
        assignment: dict[str, list[TopicPartition]] = {member_id: [] for member_id in members}
        for topic, subscribers in subscribers_by_topic(partitions_per_topic, members, order).items():
            each, extra = divmod(partitions_per_topic[topic], len(subscribers))
            start = 0
            for rank, position in enumerate(subscribers[: partitions_per_topic[topic]]):
                end = start + each + (rank < extra)
                assignment[order[position]] += [TopicPartition(topic, number) for number in range(start, end)]
                start = end
        return assignment
