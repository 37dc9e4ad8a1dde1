"""What a member says when it joins, and what the group's leader works out of what all have said.

The deciding half of `ConsumerCoordinator` and KIP-429, apart from the requests in `membership.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.errors import InvalidConfigError
from engine.groups.assignors import ASSIGNORS, Assignor, MemberSubscription
from engine.groups.consumer_protocol import (
    Assignment,
    Subscription,
    decode_subscription,
    encode_assignment,
    encode_subscription,
)
from engine.messages import JoinedMember
from engine.types import TopicPartition


def assignors_of(strategy: Any) -> tuple[Assignor, ...]:
    """The assignors of `partition_assignment_strategy`: names, or anything with a `name`, one or several.

    Raises InvalidConfigError.
    """
    asked = [strategy] if isinstance(strategy, str) or hasattr(strategy, "name") else list(strategy)
    names = [each if isinstance(each, str) else getattr(each, "name", repr(each)) for each in asked]
    unknown = [name for name in names if name not in ASSIGNORS]
    if unknown or not names:
        raise InvalidConfigError(
            f"partition_assignment_strategy cannot be {unknown[0] if unknown else 'empty'!r}; "
            f"it takes one or several of {', '.join(ASSIGNORS)}."
        )
    return tuple(ASSIGNORS[name] for name in dict.fromkeys(names))


def rebalances_cooperatively(assignors: Sequence[Assignor]) -> bool:
    """Whether members keep what they own while they rejoin: only if every assignor listed can do so."""
    return all(assignor.cooperative for assignor in assignors)


def protocols(
    assignors: Sequence[Assignor],
    topics: Iterable[str],
    owned: Iterable[TopicPartition],
    remembered: Iterable[TopicPartition],
    generation: int,
    remembered_generation: int,
) -> tuple[tuple[str, bytes], ...]:
    """What JoinGroup carries: for each assignor, the subscription and what the assignor wants remembered."""
    wanted, held, past = tuple(topics), tuple(owned), tuple(remembered)
    return tuple(
        (
            assignor.name,
            encode_subscription(
                Subscription(wanted, assignor.user_data(past, remembered_generation), held, generation)
            ),
        )
        for assignor in assignors
    )


def subscriptions_of(members: Iterable[JoinedMember]) -> dict[str, MemberSubscription]:
    """The members' subscriptions, by member id."""
    return {
        member.member_id: MemberSubscription(decode_subscription(member.metadata), member.group_instance_id)
        for member in members
    }


def topics_of(subscriptions: Mapping[str, MemberSubscription]) -> frozenset[str]:
    """Every topic somebody in the group wants."""
    return frozenset(topic for each in subscriptions.values() for topic in each.subscription.topics)


def assignments(
    assignor: Assignor, counts: Mapping[str, int], subscriptions: Mapping[str, MemberSubscription]
) -> dict[str, bytes]:
    """What SyncGroup carries when the leader sends it: each member's share, by member id."""
    shares = assignor.assign(counts, subscriptions)
    return {member_id: encode_assignment(Assignment(tuple(share))) for member_id, share in shares.items()}
