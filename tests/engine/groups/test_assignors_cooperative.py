"""Cooperative-sticky: where sticky would end, without ever giving a partition to one while another holds it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from engine.groups.assignors import ASSIGNORS, MemberSubscription
from engine.groups.consumer_protocol import Subscription
from tests.engine.groups.assignor_world import (
    Given,
    Members,
    check_every_partition_has_one_subscribed_owner,
    check_no_single_move_would_even_it_out,
    member,
    owners,
    parts,
    rejoining,
)
from tests.engine.groups.test_assignors_sticky import PROPERTY, Wants, claims, worlds

COOPERATIVE, STICKY = ASSIGNORS["cooperative-sticky"], ASSIGNORS["sticky"]


def test_a_partition_is_taken_away_first_and_handed_over_in_the_next_rebalance() -> None:
    first = COOPERATIVE.assign({"a": 4}, {"m0": member("a", parts("a0 a1 a2 a3"), 1), "m1": member("a")})
    assert first == {"m0": parts("a0 a1"), "m1": []}
    second = COOPERATIVE.assign({"a": 4}, rejoining({"m0": ["a"], "m1": ["a"]}, first, 2))
    assert second == {"m0": parts("a0 a1"), "m1": parts("a2 a3")}


def test_partitions_of_a_member_that_left_are_handed_over_at_once() -> None:
    members = {"m0": member("a", parts("a0"), 1), "m1": member("a", parts("a1"), 1)}
    assert COOPERATIVE.assign({"a": 4}, members) == {"m0": parts("a0 a2"), "m1": parts("a1 a3")}


def test_what_a_member_no_longer_wants_but_still_holds_is_not_handed_over_yet() -> None:
    members = {"m0": member("b", parts("a0 b0"), 1), "m1": member("ab", parts("a1"), 1)}
    assert COOPERATIVE.assign({"a": 2, "b": 1}, members) == {"m0": parts("b0"), "m1": parts("a1")}


def test_what_two_members_claim_in_one_generation_is_given_to_nobody_in_that_rebalance() -> None:
    members = {"m0": member("a", parts("a0 a1"), 2), "m1": member("a", parts("a0 a2"), 2)}
    assert COOPERATIVE.assign({"a": 4}, members) == {"m0": parts("a1"), "m1": parts("a2 a3")}


def test_of_two_claims_the_one_of_the_higher_generation_keeps_the_partition() -> None:
    members = {"m0": member("a", parts("a0"), 1), "m1": member("a", parts("a0"), 2)}
    assert COOPERATIVE.assign({"a": 2}, members) == {"m0": parts("a1"), "m1": parts("a0")}


def test_the_generation_is_read_from_the_user_data_of_older_subscriptions() -> None:
    def older(generation: int) -> MemberSubscription:
        data = COOPERATIVE.user_data((), generation)
        return MemberSubscription(Subscription(("a",), data, tuple(parts("a0"))))

    assert COOPERATIVE.user_data((), 258) == b"\x00\x00\x01\x02"
    assert COOPERATIVE.assign({"a": 2}, {"m0": older(1), "m1": older(2)})["m1"] == parts("a0")
    unreadable = MemberSubscription(Subscription(("a",), b"?", tuple(parts("a0"))))
    assert COOPERATIVE.assign({"a": 2}, {"m0": unreadable, "m1": older(2)})["m1"] == parts("a0")


def test_it_rebalances_cooperatively_and_sticky_does_not() -> None:
    assert COOPERATIVE.cooperative
    assert not STICKY.cooperative


def settle_by_rebalancing(topics: dict[str, int], wants: Wants, held: Given, at_most: int) -> tuple[int, Given]:
    """Rebalance until nobody is told to give anything back; how many rebalances handed something over or took it."""
    held = {name: held.get(name, []) for name in wants}
    for rebalances in range(at_most + 1):
        members = rejoining(wants, held, rebalances + 2)
        told = COOPERATIVE.assign(topics, members)
        holders = owners(held)
        for partition, name in owners(told).items():
            assert holders.get(partition, name) == name, "handed over while still owned"
        if told == held:
            check_every_partition_has_one_subscribed_owner(topics, members, told)
            check_no_single_move_would_even_it_out(members, told)
            return rebalances, told
        held = told
    raise AssertionError(f"not settled after {at_most} rebalances")


@PROPERTY
@given(worlds(alike=True), worlds(alike=True))
def test_members_that_want_the_same_agree_in_two_rebalances_where_sticky_would_have_put_them(
    old: tuple[dict[str, int], Wants], new: tuple[dict[str, int], Wants]
) -> None:
    before = STICKY.assign(old[0], rejoining(old[1], {}, -1))
    topics, wants = new
    still = {
        name: [p for p in mine if p.topic in wants[name] and p.partition < topics[p.topic]]
        for name, mine in before.items()
        if name in wants
    }
    rebalances, settled = settle_by_rebalancing(topics, wants, still, at_most=2)
    assert rebalances <= 2
    at_once = STICKY.assign(topics, rejoining(wants, still, 1))
    assert sorted(map(len, settled.values())) == sorted(map(len, at_once.values()))
    assert {name: set(at_once[name]) & set(mine) for name, mine in still.items()} == {
        name: set(settled[name]) & set(mine) for name, mine in still.items()
    }


@PROPERTY
@given(worlds(), worlds())
def test_members_that_want_different_topics_agree_too(
    old: tuple[dict[str, int], Wants], new: tuple[dict[str, int], Wants]
) -> None:
    before = STICKY.assign(old[0], rejoining(old[1], {}, -1))
    settle_by_rebalancing(*new, before, at_most=5)


@settings(PROPERTY, max_examples=100)
@given(claims())
def test_whatever_members_claim_nobody_is_given_what_another_rightly_owns(
    group: tuple[dict[str, int], Members],
) -> None:
    topics, told = group
    members = {name: MemberSubscription(replace(of.subscription, user_data=b"")) for name, of in told.items()}
    for name, mine in COOPERATIVE.assign(topics, members).items():
        own_generation = members[name].subscription.generation_id
        for partition in mine:
            owned_myself = partition in members[name].subscription.owned_partitions
            for other, (subscription, _) in members.items():
                if other != name and partition in subscription.owned_partitions:
                    assert owned_myself
                    assert subscription.generation_id < own_generation
