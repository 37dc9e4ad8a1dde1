"""The coordinator's assignors: uniform is even first and sticky second, range keeps neighbours together."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.groups.assignors import ASSIGNORS, SERVER_ASSIGNORS, MemberSubscription
from engine.groups.consumer_protocol import Subscription
from tests.engine.groups.assignor_world import (
    Given,
    check_every_partition_has_one_subscribed_owner,
    check_no_single_move_would_even_it_out,
    moved,
    parts,
)

UNIFORM, RANGE = SERVER_ASSIGNORS["uniform"], SERVER_ASSIGNORS["range"]
NAMES = [f"m{number}" for number in range(6)]

counts = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1)
alike = st.lists(st.sampled_from(NAMES), unique=True, min_size=1)
wants = st.dictionaries(st.sampled_from(NAMES), st.sets(st.sampled_from("abcd"), min_size=1), min_size=1)


def members(wanted: Mapping[str, object], target: Given | None = None) -> dict[str, MemberSubscription]:
    return {
        name: MemberSubscription(
            Subscription(tuple(topics), owned_partitions=tuple((target or {}).get(name, ())), generation_id=3)  # type: ignore[arg-type]
        )
        for name, topics in wanted.items()
    }


def test_a_new_member_takes_only_its_share() -> None:
    before = UNIFORM.assign({"a": 6}, members({"m0": "a", "m1": "a"}))
    after = UNIFORM.assign({"a": 6}, members({"m0": "a", "m1": "a", "m2": "a"}, before))
    assert len(moved(before, after)) == 2
    assert sorted(map(len, after.values())) == [2, 2, 2]


def test_whoever_has_one_more_keeps_it() -> None:
    before = {"m0": parts("a0"), "m1": parts("a1 a2")}
    assert UNIFORM.assign({"a": 3}, members({"m0": "a", "m1": "a"}, before)) == before


def test_range_is_the_rule_of_the_classic_protocol() -> None:
    both = members({"m0": "ab", "m1": "ab"})
    assert RANGE.assign({"a": 3, "b": 3}, both) == ASSIGNORS["range"].assign({"a": 3, "b": 3}, both)


@given(counts, alike, alike)
@settings(derandomize=True, max_examples=300)
def test_uniform_is_even_and_moves_no_more_than_it_must(topics: dict[str, int], old: list[str], new: list[str]) -> None:
    before = UNIFORM.assign(topics, members(dict.fromkeys(old, tuple(topics))))
    then = members(dict.fromkeys(new, tuple(topics)), before)
    after = UNIFORM.assign(topics, then)
    check_every_partition_has_one_subscribed_owner(topics, then, after)
    loads = sorted(map(len, after.values()))
    assert loads[-1] - loads[0] <= 1
    staying = [name for name in new if name in before]
    quota, extra = divmod(sum(topics.values()), len(new))
    held = sorted((len(before[name]) for name in staying), reverse=True)
    kept = sum(min(load, quota + (rank < extra)) for rank, load in enumerate(held))
    stayed = sum(len(set(after[name]) & set(before[name])) for name in staying)
    assert stayed == kept


@given(counts, wants, wants)
@settings(derandomize=True, max_examples=300)
def test_uniform_is_as_even_as_different_subscriptions_allow(
    topics: dict[str, int], old: dict[str, set[str]], new: dict[str, set[str]]
) -> None:
    before = UNIFORM.assign(topics, members(old))
    then = members(new, before)
    after = UNIFORM.assign(topics, then)
    check_every_partition_has_one_subscribed_owner(topics, then, after)
    check_no_single_move_would_even_it_out(then, after)
    assert UNIFORM.assign(topics, members(new, after)) == after


@given(counts, wants)
@settings(derandomize=True, max_examples=300)
def test_range_gives_each_subscriber_one_run_of_each_topic(topics: dict[str, int], wanted: dict[str, set[str]]) -> None:
    group = members(wanted)
    shares = RANGE.assign(topics, group)
    check_every_partition_has_one_subscribed_owner(topics, group, shares)
    for topic in topics:
        runs = [[tp.partition for tp in share if tp.topic == topic] for share in shares.values()]
        sizes = [len(run) for name, run in zip(shares, runs, strict=True) if topic in wanted[name]]
        assert max(sizes, default=0) - min(sizes, default=0) <= 1
        assert all(run == list(range(run[0], run[0] + len(run))) for run in runs if run)
