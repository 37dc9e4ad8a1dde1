from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len

from engine.snapshot import ClientState, GroupState, World
from engine.types import TopicPartition
from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.painting.lab.flow import chart, paint_flow
from tui.painting.lab.members import Heart, Seat, heart_of, paint_seat, ranges, state_sentence
from tui.painting.lab.producers import paint_producer
from tui.painting.lab.wires import Hold
from tui.painting.palette import palette_from
from tui.panels.lab.standing import stand
from tui.scene import Look, Scene

PALETTE = palette_from(DEFAULTS)
ONE = worlds.member(0, "billing-1", worlds.tps("orders", 0, 1, 2, 5))


def seat(**more: Any) -> Seat:
    values: dict[str, Any] = {
        "member": ONE, "consumer": worlds.consumer(ONE, "billing"), "state": GroupState.STABLE, "lag": 40,
        "heart": Heart(False), "topic": "orders", "lines": 3,
    }  # fmt: skip
    return Seat(**{**values, **more})


def painted(of: Seat, width: int = 34) -> str:
    rows = paint_seat(of, width, PALETTE)
    assert len(rows) == of.lines
    assert all(cell_len(row.text) == width for row in rows)
    return "\n".join(row.text.rstrip() for row in rows)


# The state in words


def test_each_state_says_what_it_waits_for_and_how_long() -> None:
    group = worlds.busy().groups[0]
    said = state_sentence(group, 6, worlds.NOW)
    assert said == "PreparingRebalance: waiting for billing-3 to rejoin; 1.8 s left."
    several = replace(group, waiting_for=("a", "b", "c", "d"))
    assert "waiting for a, b and 2 more to rejoin" in state_sentence(several, 6, worlds.NOW)
    assert "4 members here, waiting for more" in state_sentence(replace(group, waiting_for=()), 6, worlds.NOW)
    completing = replace(group, state=GroupState.COMPLETING_REBALANCE, deadline_ms=None)
    assert state_sentence(completing, 6, worlds.NOW) == (
        "CompletingRebalance: billing-1 shares out the partitions; waiting for billing-3."
    )
    stable = worlds.first().groups[0]
    assert state_sentence(stable, 6, worlds.NOW) == "Stable: 2 members share 6 partitions."
    assert "Press c" in state_sentence(worlds.group("audit", (), ()), 0, worlds.NOW)


# Members


def test_a_member_shows_letter_name_partitions_lag_and_what_it_does() -> None:
    text = painted(seat())
    assert "A billing-1" in text
    assert "lag 40 ♥" in text
    assert "P0-2 P5" in text
    assert "processing orders-0 @ 11,950" in text


def test_a_heart_beats_for_a_moment_after_a_heartbeat() -> None:
    fresh = replace(ONE, last_heartbeat_ms=worlds.NOW - 100)
    assert heart_of(fresh, worlds.NOW).beats
    assert not heart_of(ONE, worlds.NOW).beats
    assert not heart_of(ONE, worlds.NOW).silent_s
    assert heart_of(replace(ONE, last_heartbeat_ms=worlds.NOW - 3_000), worlds.NOW, speed=10.0).beats


def test_a_silent_member_shows_how_long_and_its_session_running_down() -> None:
    silent = replace(ONE, last_heartbeat_ms=worlds.NOW - 7_400, session_expires_ms=worlds.NOW + 2_600)
    heart = heart_of(silent, worlds.NOW)
    assert (heart.silent_s, heart.left_s, heart.share) == (7.4, 2.6, 0.26)
    text = painted(seat(member=silent, heart=heart))
    assert "silent 7.4 s" in text
    assert "2.6 s left" in text
    assert "♡" in text


def test_the_session_of_a_member_that_crashed_a_moment_ago_runs_down_already() -> None:
    fresh = replace(ONE, last_heartbeat_ms=worlds.NOW - 1_000, session_expires_ms=worlds.NOW + 9_000)
    assert heart_of(fresh, worlds.NOW).left_s == 0.0
    heart = heart_of(fresh, worlds.NOW, gone=True)
    assert (heart.left_s, heart.share) == (9.0, 0.9)


def test_a_crashed_member_says_so_until_its_group_notices() -> None:
    crashed = replace(worlds.consumer(ONE, "billing"), state=ClientState.CRASHED)
    text = painted(seat(consumer=crashed, ghost=True, heart=Heart(False, 0.0, 8.0, 0.8)))
    assert "✗ crashed" in text
    assert "8.0 s left" in text
    assert "r restart" in text


@pytest.mark.parametrize("width", [20, 26, 34, 54])
def test_members_of_every_kind_fit_every_width(width: int) -> None:
    strange = worlds.member(30, worlds.HOSTILE[1], worlds.tps("orders", *range(0, 40, 2)))
    for lines in range(1, 7):
        for of in (
            seat(lines=lines),
            seat(lines=lines, member=strange, consumer=None),
            seat(lines=lines, ghost=True, heart=Heart(False, 0.0, 3.0, 0.3)),
            seat(lines=lines, heart=Heart(False, 9.0, 0.4, 0.04), consumer=worlds.consumer(strange, "x")),
            seat(lines=lines, idle="idle: 2 partitions, 3 members"),
            seat(lines=lines, gained=worlds.tps("orders", 5), lost=worlds.tps("orders", 6, 7)),
            seat(lines=lines, state=GroupState.PREPARING_REBALANCE, waited_for=True),
        ):
            painted(of, width)


def test_what_a_rebalance_gave_and_took_is_news() -> None:
    text = painted(seat(gained=worlds.tps("orders", 5), lost=worlds.tps("orders", 3, 4)))
    assert "+P5 -P3 P4" in text


def test_partitions_are_told_in_few_words() -> None:
    assert ranges(worlds.tps("orders", 0, 1, 2, 4, 5), "orders") == "P0-2 P4 P5"
    assert ranges((*worlds.tps("orders", 3), *worlds.tps("clicks", 0, 1)), "orders") == "P3 +2 elsewhere"


# Who holds what


def held(world: World, look: Look | None = None) -> dict[int, tuple[int, Hold]]:
    standing = stand(Scene(world, look=look or Look()))
    return {number: (each.slot, each.hold) for number, each in standing.held.items()}


def test_a_partition_is_held_by_its_owner() -> None:
    firm = {number: (number // 3, Hold.FIRM) for number in range(6)}
    assert held(worlds.first()) == firm


def test_the_partitions_of_a_crashed_member_are_held_but_broken() -> None:
    world = worlds.busy()
    assert held(world)[4] == (2, Hold.BROKEN)
    forgotten = tuple(replace(each, member_id="") if each.name == "billing-3" else each for each in world.consumers)
    assert held(replace(world, consumers=forgotten))[4] == (2, Hold.BROKEN)


def test_the_former_self_of_a_restarted_member_is_broken_and_its_new_self_is_not() -> None:
    world = worlds.first()
    again = tuple(
        replace(each, member_id="billing-2-anew") if each.name == "billing-2" else each for each in world.consumers
    )
    assert held(replace(world, consumers=again))[3] == (1, Hold.BROKEN)


def test_a_partition_just_moved_is_plugged_in_freshly() -> None:
    world = worlds.first()
    tp = TopicPartition("orders", 3)
    history = worlds.rebalance("billing", 3, "billing-2 joined", [(tp, "billing-1", "billing-2", 4.0)], 500)
    fresh = replace(world, groups=(replace(world.groups[0], rebalances=(history,)),))
    assert held(fresh)[3] == (1, Hold.FRESH)
    later = replace(fresh, now_ms=fresh.now_ms + 60_000)
    assert held(later)[3] == (1, Hold.FIRM)


def test_the_group_shown_is_one_that_reads_the_topic() -> None:
    standing = stand(Scene(worlds.busy(), look=Look(topic="payments", group="billing")))
    assert standing.group is not None
    assert standing.group.group_id == "fraud"


# Producers and the flow


def producer_text(width: int = 26, lines: int = 3, **more: Any) -> str:
    producer = worlds.producer("web-1", "orders", 40.0, (40,) * 60, **more)
    rows = paint_producer(producer, True, lines, width, PALETTE)
    assert len(rows) == lines
    assert all(cell_len(row.text) == width for row in rows)
    return "\n".join(row.text.rstrip() for row in rows)


def test_a_producer_shows_where_it_sends_how_fast_and_its_keys() -> None:
    text = producer_text(keys="40 keys, Zipf")
    for part in ("● web-1 → orders", "40/s", "of 40/s", "40 keys, Zipf"):
        assert part in text


@pytest.mark.parametrize(
    ("state", "symbol", "help"),
    [
        (ClientState.PAUSED, "‖", "z go on"),
        (ClientState.STOPPED, "■", "r restart"),
        (ClientState.CRASHED, "✗", "r restart"),
    ],
)
def test_a_producer_at_rest_says_why_and_what_helps(state: ClientState, symbol: str, help: str) -> None:
    text = producer_text(state=state)
    assert symbol in text
    assert state.value in text
    assert help in text


def test_what_a_producer_could_not_send_is_told() -> None:
    assert "3 failed: too large" in producer_text(failed=3, last_error="too large")


def test_producers_fit_every_width() -> None:
    for width in range(12, 44):
        for lines in range(1, 7):
            producer_text(width, lines)
            producer_text(width, lines, state=ClientState.CRASHED, last_error=worlds.HOSTILE[3])


def test_a_chart_is_as_high_as_its_values() -> None:
    assert chart([0, 1, 4, 8], 6, 1, 8) == ["   ▁▄█"]
    assert chart([8, 12, 16], 3, 2, 16) == [" ▄█", "███"]
    assert chart([], 3, 1, 0) == ["   "]


def test_the_flow_fits_any_panel() -> None:
    for width in range(8, 80, 7):
        for height in range(1, 14):
            rows = paint_flow(worlds.flow(240, 230, 1_234_567), width, height, PALETTE)
            assert [cell_len(row.text) for row in rows] == [width] * height
