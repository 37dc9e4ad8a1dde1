"""Sticky: balance first, then stickiness, then whose claim counts; aiokafka's assignor as the measure of balance."""

from __future__ import annotations

import random
import struct
from itertools import permutations

import pytest
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyAssignorUserDataV1
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.groups.assignors import ASSIGNORS, MemberSubscription
from engine.groups.assignors.sticky import read_previous_assignment
from engine.groups.consumer_protocol import Subscription
from engine.types import TopicPartition
from tests.engine.groups.assignor_world import (
    Given,
    aiokafka_assigns,
    check_every_partition_has_one_subscribed_owner,
    check_no_single_move_would_even_it_out,
    imbalance,
    member,
    moved,
    owners,
    parts,
    rejoining,
)

STICKY = ASSIGNORS["sticky"]
Wants = dict[str, list[str]]

TWICE_A0 = StickyAssignorUserDataV1([("a", [0, 0])], 1).encode()


# All members alike ----------------------------------------------------------------------------------------


def test_a_fresh_group_is_dealt_the_partitions_in_turn() -> None:
    given_ = STICKY.assign({"a": 2, "b": 2, "c": 3}, {name: member("abc") for name in ("m2", "m1", "m0")})
    assert given_ == {"m0": parts("a0 b1 c2"), "m1": parts("a1 c0"), "m2": parts("b0 c1")}


def test_when_a_member_leaves_the_others_keep_what_they_have() -> None:
    before = STICKY.assign({"a": 7}, {name: member("a") for name in ("m0", "m1", "m2")})
    after = STICKY.assign({"a": 7}, rejoining({"m0": ["a"], "m2": ["a"]}, before, 1))
    assert moved(before, after) == set(before["m1"])
    assert sorted(map(len, after.values())) == [3, 4]


def test_a_member_with_too_much_keeps_the_lowest_partitions_of_every_topic() -> None:
    members = {"m0": member("ab", parts("a0 a1 a2 b0 b1 b2"), 1), "m1": member("ab")}
    assert STICKY.assign({"a": 3, "b": 3}, members) == {"m0": parts("a0 a1 b0"), "m1": parts("a2 b1 b2")}


def test_only_as_many_members_as_the_remainder_says_keep_one_more() -> None:
    members = {"m0": member("a", parts("a0 a1"), 1), "m1": member("a", parts("a2 a3"), 1), "m2": member("a")}
    assert STICKY.assign({"a": 4}, members) == {"m0": parts("a0 a1"), "m1": parts("a2"), "m2": parts("a3")}


def test_added_partitions_go_to_those_with_fewer() -> None:
    members = {"m0": member("a", parts("a0 a1"), 1), "m1": member("a", parts("a2"), 1)}
    assert STICKY.assign({"a": 5}, members) == {"m0": parts("a0 a1 a4"), "m1": parts("a2 a3")}


def test_partitions_and_topics_that_are_gone_are_forgotten() -> None:
    members = {"m0": member("ab", parts("a0 a5 b0"), 1), "m1": member("ab", parts("b1 a1"), 1)}
    assert STICKY.assign({"a": 2}, members) == {"m0": parts("a0"), "m1": parts("a1")}


def test_what_is_given_up_is_dealt_with_the_rest_in_order() -> None:
    members = {"m0": member("a", parts("a0 a1 a2 a3"), 1), "m1": member("a", parts("a4"), 1), "m2": member("a")}
    assert STICKY.assign({"a": 6}, members) == {"m0": parts("a0 a1"), "m1": parts("a2 a4"), "m2": parts("a3 a5")}


# Whose claim counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("older", ["m0", "m1"])
def test_of_two_claims_the_one_of_the_higher_generation_counts(older: str) -> None:
    newer = "m1" if older == "m0" else "m0"
    members = {older: member("a", parts("a0 a1"), 3), newer: member("a", parts("a0 a1"), 4), "m2": member("a")}
    assert STICKY.assign({"a": 6}, members)[newer] == parts("a0 a1")


def test_what_two_members_claim_in_one_generation_belongs_to_neither() -> None:
    members = {
        "m0": member("a", parts("a0 a3"), 4),
        "m1": member("a", parts("a0 a2"), 4),
        "m2": member("a", parts("a1"), 4),
    }
    given_ = STICKY.assign({"a": 4}, members)
    assert given_ == {"m0": parts("a0 a3"), "m1": parts("a2"), "m2": parts("a1")}


def test_a_claim_above_two_that_contradict_each_other_counts() -> None:
    members = {f"m{i}": member("a", parts("a0"), generation) for i, generation in enumerate((4, 4, 5))}
    assert STICKY.assign({"a": 3}, members)["m2"] == parts("a0")


def test_two_claims_above_an_older_one_contradict_each_other_all_the_same() -> None:
    members = {f"m{i}": member("a", parts("a2"), generation) for i, generation in enumerate((3, 4, 4))}
    assert STICKY.assign({"a": 3}, members) == {"m0": parts("a0"), "m1": parts("a1"), "m2": parts("a2")}


def test_a_claim_made_twice_by_one_member_is_one_claim() -> None:
    members = {"m0": member("a"), "m1": MemberSubscription(Subscription(("a",), TWICE_A0))}
    assert STICKY.assign({"a": 2}, members) == {"m0": parts("a1"), "m1": parts("a0")}


# Members that want different topics -----------------------------------------------------------------------


def test_differing_subscriptions_are_balanced_where_roundrobin_is_not() -> None:
    members = {"m0": member("a"), "m1": member("ab"), "m2": member("abc")}
    given_ = STICKY.assign({"a": 1, "b": 2, "c": 3}, members)
    assert given_ == {"m0": parts("a0"), "m1": parts("b0 b1"), "m2": parts("c0 c1 c2")}


def test_a_member_that_no_longer_wants_a_topic_loses_its_partitions_of_it() -> None:
    members = {"m0": member("b", parts("a0 b0"), 1), "m1": member("ab", parts("a1 b1"), 1)}
    assert STICKY.assign({"a": 2, "b": 2}, members) == {"m0": parts("b0 b1"), "m1": parts("a0 a1")}


@pytest.mark.parametrize(("owner", "before", "long_before"), permutations(["m0", "m1", "m2"]))
def test_a_partition_goes_back_to_its_latest_earlier_owner_rather_than_to_another(
    owner: str, before: str, long_before: str
) -> None:
    members = {
        owner: member("ab", parts("a0 a1 a2 a3"), 5),
        before: member("a", parts("a0"), 4),
        long_before: member("a", parts("a0"), 3),
    }
    assert TopicPartition("a", 0) in STICKY.assign({"a": 4, "b": 1}, members)[before]


@pytest.mark.parametrize("somebody_lost_a_topic", [False, True])
def test_new_partitions_are_the_first_to_move_unless_a_topic_was_given_up(somebody_lost_a_topic: bool) -> None:
    topics = {"b": 2, "c": 2, "d": 5, "f": 1}
    members = {
        "m0": member("bc", parts("b0"), 1),
        "m1": member("bf", [] if somebody_lost_a_topic else parts("f0"), 1),
        "m2": member("cd", parts("f0") if somebody_lost_a_topic else [], 1),
    }
    given_ = STICKY.assign(topics, members)
    assert given_["m1"] == parts("b0 f0" if somebody_lost_a_topic else "b1 f0")


def test_a_member_that_gave_partitions_away_may_be_the_one_to_get_others() -> None:
    all_of_a = parts(" ".join(f"a{number}" for number in range(26)))
    members = {"m0": member("a", all_of_a[:6], 1), "m1": member("a", all_of_a[6:8], 1)}
    members["m2"] = member("az", all_of_a[8:], 1)
    given_ = STICKY.assign({"a": 26, "z": 1}, members)
    assert sorted(map(len, given_.values())) == [9, 9, 9]


def test_partitions_do_not_go_back_to_an_earlier_owner_that_no_longer_wants_the_topic() -> None:
    members = {"m0": member("a", parts("a0 a1 a2"), 5), "m1": member("b", parts("a0 a1 a2"), 4), "m2": member("ab")}
    given_ = STICKY.assign({"a": 3, "b": 1}, members)
    check_every_partition_has_one_subscribed_owner({"a": 3, "b": 1}, members, given_)


@pytest.mark.parametrize("seed", range(40))
def test_no_two_members_swap_partitions_of_one_topic(seed: int) -> None:
    rng = random.Random(seed)
    topics = {topic: rng.randint(1, 12) for topic in "abcdefgh"[: rng.randint(2, 8)]}
    wants = {f"m{i}": rng.sample(sorted(topics), rng.randint(1, len(topics))) for i in range(rng.randint(3, 8))}
    before: Given = {name: [] for name in wants}
    for topic, count in topics.items():
        for number in range(count):
            if who := [name for name in wants if topic in wants[name]][:2]:
                before[rng.choice(who)].append(TopicPartition(topic, number))
    members = rejoining(wants, before, 1)
    given_ = STICKY.assign(topics, members)
    check_no_single_move_would_even_it_out(members, given_)
    after = owners(given_)
    ways = {(partition.topic, owner, after[partition]) for partition, owner in owners(before).items()}
    assert not {(topic, new, old) for topic, old, new in ways if old != new} & ways


# Properties -----------------------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn, alike: bool | None = None) -> tuple[dict[str, int], Wants]:
    topics = draw(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 7), min_size=1, max_size=6))
    some = st.sets(st.sampled_from(sorted(topics)), min_size=1).map(sorted)
    names = [f"m{number}" for number in range(draw(st.integers(1, 7)))]
    if alike or (alike is None and draw(st.booleans())):
        shared = draw(some)
        return topics, dict.fromkeys(names, shared)
    return topics, {name: draw(some) for name in names}


PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)


def fresh(topics: dict[str, int], wants: Wants) -> Given:
    return STICKY.assign(topics, rejoining(wants, {}, -1))


@PROPERTY
@given(worlds())
def test_a_fresh_assignment_is_aiokafkas(world: tuple[dict[str, int], Wants]) -> None:
    topics, wants = world
    members = rejoining(wants, {}, -1)
    ours = STICKY.assign(topics, members)
    check_every_partition_has_one_subscribed_owner(topics, members, ours)
    check_no_single_move_would_even_it_out(members, ours)
    assert ours == aiokafka_assigns("sticky", topics, members)


@PROPERTY
@given(worlds())
def test_when_nothing_changes_nothing_moves(world: tuple[dict[str, int], Wants]) -> None:
    topics, wants = world
    before = fresh(topics, wants)
    assert STICKY.assign(topics, rejoining(wants, before, 1)) == before


@PROPERTY
@given(worlds(alike=True), st.data())
def test_when_members_leave_only_their_partitions_move(
    world: tuple[dict[str, int], Wants], data: st.DataObject
) -> None:
    topics, wants = world
    before = fresh(topics, wants)
    gone = set(data.draw(st.lists(st.sampled_from(sorted(wants)), max_size=len(wants) - 1, unique=True)))
    left = {name: topics_ for name, topics_ in wants.items() if name not in gone}
    after = STICKY.assign(topics, rejoining(left, before, 1))
    assert moved(before, after) == {partition for name in gone for partition in before[name]}


@PROPERTY
@given(worlds(alike=True), st.integers(1, 3))
def test_when_members_join_only_what_they_need_moves(world: tuple[dict[str, int], Wants], joining: int) -> None:
    topics, wants = world
    before = fresh(topics, wants)
    shared = next(iter(wants.values()))
    grown = wants | {f"n{number}": shared for number in range(joining)}
    after = STICKY.assign(topics, rejoining(grown, before, 1))
    newcomers = {partition for name in grown.keys() - wants.keys() for partition in after[name]}
    assert moved(before, after) == newcomers
    assert max(map(len, after.values())) - min(map(len, after.values())) <= 1


@st.composite
def claims(draw: st.DrawFn) -> tuple[dict[str, int], dict[str, MemberSubscription]]:
    """A group whose members claim anything at all, from several generations."""
    topics, wants = draw(worlds())
    claim = st.builds(TopicPartition, st.sampled_from("abcdefg"), st.integers(-1, 8))
    generation = st.sampled_from([-1, 3, 4])
    return topics, {
        name: member(wanted, draw(st.lists(claim, max_size=12)), draw(generation)) for name, wanted in wants.items()
    }


@PROPERTY
@given(claims())
def test_whatever_members_claim_the_result_is_valid_and_no_less_balanced_than_aiokafkas_fresh_one(
    group: tuple[dict[str, int], dict[str, MemberSubscription]],
) -> None:
    topics, members = group
    ours = STICKY.assign(topics, members)
    check_every_partition_has_one_subscribed_owner(topics, members, ours)
    check_no_single_move_would_even_it_out(members, ours)
    alike = len({frozenset(of.subscription.topics) for of in members.values()}) == 1
    if alike:
        assert imbalance(ours) <= imbalance(aiokafka_assigns("sticky", topics, members))


@PROPERTY
@given(worlds(), st.data())
def test_after_any_change_the_group_is_at_least_as_balanced_as_aiokafkas(
    world: tuple[dict[str, int], Wants], data: st.DataObject
) -> None:
    topics, wants = world
    before = fresh(topics, wants)
    some = st.sets(st.sampled_from(sorted(topics)), min_size=1).map(sorted)
    changed = {name: wanted for name, wanted in wants.items() if data.draw(st.integers(0, 4))}
    changed |= {f"n{number}": data.draw(some) for number in range(data.draw(st.integers(0, 2)))}
    if not changed:
        return
    members = rejoining(changed, before, 1)
    ours, theirs = STICKY.assign(topics, members), aiokafka_assigns("sticky", topics, members)
    assert imbalance(ours) <= imbalance(theirs)
    if imbalance(ours) == imbalance(theirs):
        assert len(moved(before, ours) - lost(before, changed)) <= len(moved(before, theirs) - lost(before, changed))


def lost(before: Given, left: Wants) -> set[TopicPartition]:
    return {partition for name, mine in before.items() if name not in left for partition in mine}


# User data ------------------------------------------------------------------------------------------------


def test_user_data_is_the_previous_assignment_and_its_generation_as_aiokafka_reads_it() -> None:
    data = STICKY.user_data(parts("b2 a0 b0"), 7)
    read = StickyAssignorUserDataV1.decode(data)
    assert ([tuple(entry) for entry in read.previous_assignment], read.generation) == ([("a", [0]), ("b", [0, 2])], 7)
    assert read_previous_assignment(Subscription(("a",), data)) == (tuple(parts("a0 b0 b2")), 7)


def test_there_is_no_user_data_before_the_first_assignment() -> None:
    assert STICKY.user_data((), -1) == b""
    assert STICKY.user_data((), 3) == bytes(4) + struct.pack(">i", 3)


def test_user_data_of_version_0_claims_without_a_generation() -> None:
    data = STICKY.user_data(parts("a0"), 7)[:-4]
    assert read_previous_assignment(Subscription(("a",), data)) == (tuple(parts("a0")), -1)


@pytest.mark.parametrize("data", [b"\x00", b"\xff" * 9, b"\x00\x00\x00\x01\x00\x01a\x7f\xff\xff\xff"])
def test_user_data_that_cannot_be_read_claims_nothing(data: bytes) -> None:
    assert read_previous_assignment(Subscription(("a",), data)) == ((), -1)
