from __future__ import annotations

from dataclasses import replace

from engine.snapshot import GroupState, GroupView
from tests.tui import worlds
from tui.painting.groups.saying import idle_reason, state_sentence, timer_of


def billing(world: str = "busy") -> GroupView:
    found = worlds.WORLDS[world]().group("billing")
    assert found is not None
    return found


def test_preparing_says_how_long_it_waits_and_who_is_missing() -> None:
    said = state_sentence(billing(), worlds.NOW)
    assert said.startswith(
        "PreparingRebalance: waiting for every member to rejoin; 1.8 s left; still missing: billing-3."
    )


def test_an_empty_group_that_prepares_waits_for_more_members() -> None:
    group = replace(billing(), waiting_for=(), deadline_ms=worlds.NOW + 2_400, pending_members=1)
    said = state_sentence(group, worlds.NOW)
    assert "waits a moment for more members; 2.4 s left" in said
    assert "1 newcomer got an id and has to ask again with it" in said


def test_completing_names_the_leader_and_who_has_yet_to_ask() -> None:
    group = replace(billing(), state=GroupState.COMPLETING_REBALANCE, waiting_for=("billing-1", "billing-2"))
    said = state_sentence(group, worlds.NOW)
    assert "billing-1, the leader, shares out the partitions by range" in said
    assert "still to ask (SyncGroup): billing-1 and billing-2" in said


def test_stable_says_for_how_long() -> None:
    assert state_sentence(billing("first"), worlds.NOW) == (
        "Stable: for 42.0 s; every member has its share of 6 partitions."
    )


def test_a_member_that_fell_silent_is_spoken_of_before_it_is_dropped() -> None:
    group = billing("first")
    silent = replace(group.members[1], last_heartbeat_ms=worlds.NOW - 7_000, session_expires_ms=worlds.NOW + 3_000)
    said = state_sentence(replace(group, members=(group.members[0], silent)), worlds.NOW)
    assert "nothing was heard of billing-2 for 7.0 s" in said
    assert "silent for 3.0 s more, it is dropped" in said


def test_an_empty_group_keeps_its_offsets() -> None:
    audit = worlds.busy().group("audit")
    assert audit is not None
    assert "1 committed offset stays; whoever joins goes on from there, with 9,000 records to catch up" in (
        state_sentence(audit, worlds.NOW)
    )


def test_names_in_sentences_are_cut_and_harmless() -> None:
    group = replace(billing(), waiting_for=worlds.HOSTILE)
    said = state_sentence(group, worlds.NOW)
    assert said.isprintable()
    assert "and 3 more" in said


def test_the_timer_is_the_deadline_of_the_phase() -> None:
    timer = timer_of(billing(), worlds.NOW)
    assert timer is not None
    assert (timer.left_ms, timer.whole_ms) == (1_800, 3_200)


def test_while_stable_the_timer_is_the_session_that_would_run_out_first() -> None:
    timer = timer_of(billing("first"), worlds.NOW)
    assert timer is not None
    assert timer.label == "session of billing-1"
    assert timer.left_ms == 8_800


def test_a_session_held_by_a_wait_is_no_timer() -> None:
    group = replace(billing(), deadline_ms=None)
    timer = timer_of(group, worlds.NOW)
    assert timer is not None
    assert timer.label == "session of billing-3"


def test_more_members_than_partitions_is_why_one_idles() -> None:
    group = worlds.crowd().group("billing")
    assert group is not None
    assert idle_reason(group.members[6], group) == "idle: 6 partitions for 7 members"
    assert idle_reason(group.members[0], group) == ""


def test_during_a_rebalance_nobody_is_called_idle() -> None:
    group = billing()
    assert idle_reason(group.members[3], group) == "waits for its share"
