"""What assignor tests and bench share: members in a line, aiokafka's assignors as oracle, Kafka's invariants."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

from engine.groups.assignors import ASSIGNORS, MemberSubscription
from engine.groups.consumer_protocol import Subscription
from engine.types import TopicPartition

Topics = Mapping[str, int]
Members = dict[str, MemberSubscription]
Given = dict[str, list[TopicPartition]]

AIOKAFKA = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}


def parts(text: str) -> list[TopicPartition]:
    """`"a0 a1 b0"` as partitions of topics named by one letter."""
    return [TopicPartition(word[0], int(word[1:])) for word in text.split()]


def member(
    topics: Iterable[str],
    owned: Iterable[TopicPartition] = (),
    generation: int = -1,
    instance_id: str | None = None,
) -> MemberSubscription:
    """A member that tells what it owns both ways: in sticky's user data, and in the fields cooperative-sticky reads."""
    owned = tuple(owned)
    user_data = ASSIGNORS["sticky"].user_data(owned, generation)
    return MemberSubscription(Subscription(tuple(topics), user_data, owned, generation), instance_id)


def rejoining(wants: Mapping[str, Iterable[str]], given: Given, generation: int) -> Members:
    """Members that rejoin with what they were given; those not in `given` are new."""
    return {
        name: member(topics, given[name], generation) if name in given else member(topics)
        for name, topics in wants.items()
    }


class ClusterStub:
    """As much of aiokafka's ClusterMetadata as its assignors ask."""

    def __init__(self, topics: Topics) -> None:
        self._topics = {topic: set(range(count)) for topic, count in topics.items()}

    def topics(self) -> set[str]:
        return set(self._topics)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self._topics.get(topic)


def aiokafka_metadata(members: Members) -> dict[str, ConsumerProtocolMemberMetadata]:
    return {
        name: ConsumerProtocolMemberMetadata(0, list(subscription.topics), subscription.user_data)
        for name, (subscription, _) in members.items()
    }


def aiokafka_assigns(name: str, topics: Topics, members: Members) -> Given:
    """What aiokafka's own assignor makes of the same group. It knows no instance ids."""
    wanted = {topic for subscription, _ in members.values() for topic in subscription.topics}
    cluster = ClusterStub({topic: count for topic, count in topics.items() if topic in wanted})
    with _quiet():
        answer = AIOKAFKA[name].assign(cluster, aiokafka_metadata(members))
    return {
        member_id: sorted(TopicPartition(topic, number) for topic, numbers in given.assignment for number in numbers)
        for member_id, given in answer.items()
    }


@contextmanager
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def check_every_partition_has_one_subscribed_owner(topics: Topics, members: Members, given: Given) -> None:
    assert given.keys() == members.keys()
    wanted = {topic for subscription, _ in members.values() for topic in subscription.topics}
    expected = {TopicPartition(topic, n) for topic in wanted for n in range(topics.get(topic, 0))}
    owners = Counter(partition for mine in given.values() for partition in mine)
    assert owners == Counter(expected)
    for name, mine in given.items():
        assert {partition.topic for partition in mine} <= set(members[name].subscription.topics)
        assert mine == sorted(mine)


def check_no_single_move_would_even_it_out(members: Members, given: Given) -> None:
    """Kafka's own test of balance: nobody could take a partition from somebody with two or more beyond its own."""
    for giver, mine in given.items():
        for topic in {partition.topic for partition in mine}:
            for taker, (subscription, _) in members.items():
                assert topic not in subscription.topics or len(given[taker]) + 1 >= len(mine), (giver, topic, taker)


def imbalance(given: Given) -> int:
    """Kafka's balance score: the differences in load, summed over all pairs; 0 is best."""
    loads = sorted(map(len, given.values()))
    return sum(loads[high] - loads[low] for high in range(len(loads)) for low in range(high))


def owners(given: Given) -> dict[TopicPartition, str]:
    return {partition: name for name, mine in given.items() for partition in mine}


def moved(before: Given, after: Given) -> set[TopicPartition]:
    """Partitions that went from one member to another; those that had nobody before are not among them."""
    old = owners(before)
    return {partition for partition, name in owners(after).items() if old.get(partition, name) != name}
