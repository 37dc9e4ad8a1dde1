"""Kafka's `RoundRobinAssignor`: all partitions of all topics in one row, dealt to the members in turn."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

from engine.groups.assignors.base import Assignor, MemberSubscription, in_assignment_order, subscribers_by_topic
from engine.types import TopicPartition


class RoundRobinAssignor(Assignor):
    """One partition a turn; a member that does not subscribe to the topic is passed over."""

    name = "roundrobin"

    def assign(
        self, partitions_per_topic: Mapping[str, int], members: Mapping[str, MemberSubscription]
    ) -> dict[str, list[TopicPartition]]:
        """Share out the partitions as Assignor.assign says."""
        order = in_assignment_order(members)
        assignment: dict[str, list[TopicPartition]] = {member_id: [] for member_id in members}
        turn = 0
        for topic, subscribers in subscribers_by_topic(partitions_per_topic, members, order).items():
            first = bisect_left(subscribers, turn)
            for number in range(partitions_per_topic[topic]):
                position = subscribers[(first + number) % len(subscribers)]
                assignment[order[position]].append(TopicPartition(topic, number))
            turn = (position + 1) % len(order)
        return assignment
