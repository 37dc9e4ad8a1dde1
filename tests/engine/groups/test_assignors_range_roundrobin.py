"""Range and roundrobin: Kafka's own examples, and aiokafka's assignors as oracle."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.groups.assignors import ASSIGNORS, MemberSubscription
from tests.engine.groups.assignor_world import Members, aiokafka_assigns, member, parts

RANGE, ROUNDROBIN = ASSIGNORS["range"], ASSIGNORS["roundrobin"]


def test_range_gives_each_member_one_run_per_topic_and_the_first_ones_the_remainder() -> None:
    given_ = RANGE.assign({"a": 3, "b": 4}, {name: member("ab") for name in ("m2", "m1")})
    assert given_ == {"m1": parts("a0 a1 b0 b1"), "m2": parts("a2 b2 b3")}


def test_range_leaves_members_idle_when_there_are_fewer_partitions() -> None:
    assert RANGE.assign({"a": 1}, {"m1": member("a"), "m2": member("a")}) == {"m1": parts("a0"), "m2": []}


def test_range_counts_only_the_subscribers_of_each_topic() -> None:
    given_ = RANGE.assign({"a": 4, "b": 2}, {"m1": member("a"), "m2": member("ab"), "m3": member("b")})
    assert given_ == {"m1": parts("a0 a1"), "m2": parts("a2 a3 b0"), "m3": parts("b1")}


def test_roundrobin_deals_all_topics_as_one_row() -> None:
    given_ = ROUNDROBIN.assign({"a": 3, "b": 3}, {"m1": member("ab"), "m2": member("ab")})
    assert given_ == {"m1": parts("a0 a2 b1"), "m2": parts("a1 b0 b2")}


def test_roundrobin_passes_over_members_that_do_not_subscribe() -> None:
    given_ = ROUNDROBIN.assign({"a": 1, "b": 2, "c": 3}, {"m0": member("a"), "m1": member("ab"), "m2": member("abc")})
    assert given_ == {"m0": parts("a0"), "m1": parts("b0"), "m2": parts("b1 c0 c1 c2")}


@pytest.mark.parametrize("name", ["range", "roundrobin"])
def test_static_members_come_first_by_instance_id_whatever_their_member_ids(name: str) -> None:
    members = {
        "a-dynamic": member("a"),
        "y-restarted": member("a", instance_id="one"),
        "x-restarted": member("a", instance_id="two"),
    }
    given_ = ASSIGNORS[name].assign({"a": 4}, members)
    assert [len(given_[m]) for m in ("y-restarted", "x-restarted", "a-dynamic")] == [2, 1, 1]
    assert given_["y-restarted"][0] == ("a", 0)


@pytest.mark.parametrize("name", ["range", "roundrobin", "sticky", "cooperative-sticky"])
def test_topics_that_do_not_exist_and_topics_nobody_wants_are_left_out(name: str) -> None:
    given_ = ASSIGNORS[name].assign({"a": 2, "unwanted": 5, "empty": 0}, {"m": member(["a", "ghost", "empty"])})
    assert given_ == {"m": parts("a0 a1")}


@pytest.mark.parametrize("name", ["range", "roundrobin", "sticky", "cooperative-sticky"])
def test_nobody_and_nothing_to_share_out(name: str) -> None:
    assert ASSIGNORS[name].assign({"a": 2}, {}) == {}
    assert ASSIGNORS[name].assign({}, {"m1": member("a"), "m2": member("")}) == {"m1": [], "m2": []}


def test_range_and_roundrobin_are_eager_and_send_no_user_data() -> None:
    for assignor in (RANGE, ROUNDROBIN):
        assert not assignor.cooperative
        assert assignor.user_data(parts("a0"), 7) == b""


@st.composite
def groups(draw: st.DrawFn) -> tuple[dict[str, int], Members]:
    topics = draw(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), max_size=6))
    subscriptions = st.sets(st.sampled_from("abcdefg"), min_size=1).map(sorted)
    members: Members = {}
    for number in draw(st.permutations(range(draw(st.integers(1, 6))))):
        instance_id = draw(st.none() | st.just(f"i{9 - number}"))
        members[f"m{number}"] = member(draw(subscriptions), instance_id=instance_id)
    return topics, members


def standing_in_line(member_id: str, of: MemberSubscription) -> str:
    """A member id that sorts for aiokafka, which knows no static members, where Kafka lines this member up."""
    return f"2 {member_id}" if of.group_instance_id is None else f"1 {of.group_instance_id}"


@pytest.mark.parametrize("name", ["range", "roundrobin"])
@settings(max_examples=150, deadline=None, derandomize=True)
@given(group=groups())
def test_the_result_is_the_same_as_aiokafkas(name: str, group: tuple[dict[str, int], Members]) -> None:
    topics, members = group
    ours = ASSIGNORS[name].assign(topics, members)
    lined_up = {standing_in_line(member_id, of): of for member_id, of in members.items()}
    theirs = aiokafka_assigns(name, topics, lined_up)
    assert {standing_in_line(member_id, members[member_id]): mine for member_id, mine in ours.items()} == theirs
