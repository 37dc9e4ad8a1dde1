from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.strip import Strip

from engine.cluster.offsets import Earliest
from engine.snapshot import GroupProtocol, GroupState, GroupView, Move, World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.plans import planner
from themes.variables import DEFAULTS
from tui.painting.groups import listing, machine, members, offsets, rebalance_page, rebalances
from tui.painting.groups.assignment import grid_for, nice, paint_grid_head, paint_standing
from tui.painting.groups.lessons import lesson_of
from tui.painting.palette import palette_from

PALETTE = palette_from(DEFAULTS)
WIDTHS = (10, 40, 58, 78, 118, 198)


def text(strips: list[Strip]) -> list[str]:
    return [strip.text for strip in strips]


def chosen(world: World, group_id: str = "billing") -> GroupView:
    group = world.group(group_id)
    assert group is not None
    return group


# The state machine


@pytest.mark.parametrize(
    ("protocol", "state"), [(kind, state) for kind, it in machine.DIAGRAMS.items() for state in (*it.states, None)]
)
def test_the_machine_is_drawn_whole_in_every_state_and_only_the_present_one_has_heavy_lines(
    protocol: GroupProtocol, state: GroupState | None
) -> None:
    diagram = machine.DIAGRAMS[protocol]
    for width in (72, 78, 118, 198):
        drawn = text(machine.paint_machine(state, width, PALETTE, protocol))
        assert [len(line) for line in drawn] == [width] * machine.DRAWN_HEIGHT
        whole = "\n".join(drawn)
        for each in diagram.states:
            assert each.value in whole
            assert (f"┃ {each.value} ┃" in whole) is (each is state)
        for pair, cause in diagram.causes.items():
            assert cause in whole or (pair[0] is GroupState.STABLE and diagram.longer in whole)


def test_the_chain_says_what_leads_out_of_the_present_state() -> None:
    chain, ways = text(machine.paint_chain(GroupState.STABLE, 78, PALETTE))
    assert "● Stable" in chain
    assert ways.strip() == "a member joins or goes → Preparing"
    chain, ways = text(machine.paint_chain(GroupState.RECONCILING, 78, PALETTE, GroupProtocol.CONSUMER))
    assert "● Reconciling" in chain
    assert ways.strip() == "all have what they should → Stable · the epoch grows → Assigning"


def test_a_long_sentence_is_cut_not_spilled() -> None:
    said = machine.said_of(replace(chosen(worlds.busy()), waiting_for=worlds.HOSTILE), worlds.NOW)
    for width in WIDTHS:
        painted = machine.paint_said(said, width, PALETTE)
        assert [strip.cell_length for strip in painted] == [width] * machine.SAID_HEIGHT


def test_the_timer_runs_down() -> None:
    group = chosen(worlds.busy())
    early = text(machine.paint_said(machine.said_of(group, worlds.NOW - 1_000), 78, PALETTE))[0]
    late = text(machine.paint_said(machine.said_of(group, worlds.NOW + 1_000), 78, PALETTE))[0]
    assert "2.8 s left for JoinGroup" in early
    assert "0.8 s left for JoinGroup" in late
    assert early.count("━") > late.count("━") > 0


# Groups and members


def test_a_group_is_listed_with_state_generation_members_and_lag() -> None:
    wide = text(listing.paint_listed(listing.listed(chosen(worlds.busy()), True), 78, PALETTE))
    assert len(wide) == 1
    for words in ("▸ billing", "◔ PreparingRebalance", "gen 7", "4 members", "lag 4,974"):
        assert words in wide[0]
    narrow = text(listing.paint_listed(listing.listed(chosen(worlds.busy()), True), 34, PALETTE))
    assert "lag 4,974" in narrow[0]
    assert "◔ Preparing · gen 7 · 4 members" in narrow[1]


def row_of(world: World, name: str, width: int = 118) -> str:
    group = chosen(world)
    member = next(each for each in group.members if each.client_id == name)
    consumer = next(each for each in world.consumers if each.name == name)
    columns = members.columns_for(group.members, width)
    row = members.member_row(member, group, consumer, world.now_ms)
    return members.paint_member(row, columns, width, PALETTE).text


def test_a_crashed_member_runs_out_of_session_and_is_awaited() -> None:
    row = row_of(worlds.busy(), "billing-3")
    assert "C  billing-3" in row
    assert "♡  7.4 s" in row
    assert "2.6 s" in row
    assert "… awaited" in row
    assert "✕ crashed; dropped at session end" in row


def test_who_has_rejoined_is_held_and_the_leader_has_a_star() -> None:
    row = row_of(worlds.busy(), "billing-1")
    assert "A ★billing-1" in row
    assert "held" in row
    assert "✓ rejoined" in row


def test_a_silent_member_is_called_so_before_its_session_runs_out() -> None:
    world = worlds.first()
    group = chosen(world)
    quiet = replace(group.members[1], last_heartbeat_ms=worlds.NOW - 6_000, session_expires_ms=worlds.NOW + 4_000)
    row = members.member_row(quiet, group, None, worlds.NOW)
    assert (row.phase, row.awaited) == ("silent", True)


def test_static_members_show_their_instance_and_others_no_column_for_it() -> None:
    search = chosen(worlds.busy(), "search")
    assert "instance id" in members.paint_member_head(members.columns_for(search.members, 118), 118, PALETTE).text
    billing = chosen(worlds.busy())
    assert "instance id" not in members.paint_member_head(members.columns_for(billing.members, 118), 118, PALETTE).text


def test_headings_stand_above_their_columns() -> None:
    group = chosen(worlds.busy())
    columns = members.columns_for(group.members, 118)
    head = members.paint_member_head(columns, 118, PALETTE).text
    row = row_of(worlds.busy(), "billing-3")
    assert head.index("client id") == row.index("billing-3")
    assert head.index("heard") == row.index("♡")
    assert head.index("phase") == row.index("… awaited")
    assert head.index("doing") == row.index("✕")


# The assignment


def test_each_partition_has_its_owners_letter_in_its_owners_column() -> None:
    group = chosen(worlds.first())
    grid = grid_for(group.members, 66, 0, 61, 12_331)
    head = paint_grid_head(grid, 66, PALETTE).text
    rows = [
        paint_standing(each, 12_331, 0 if each.partition < 3 else 1, grid, 66, PALETTE).text for each in group.offsets
    ]
    assert [row[head.index("A")] for row in rows] == ["A", "A", "A", "·", "·", "·"]
    assert [row[head.index("B")] for row in rows] == ["·", "·", "·", "B", "B", "B"]


def test_fifty_members_fit_and_figures_give_way() -> None:
    group = chosen(worlds.crowd(), "clickstream")
    grid = grid_for(group.members, 65, 0, 900, 67_263)
    assert len(grid.slots) == 50
    assert grid.hidden == (0, 0)
    assert grid.figures == 0
    assert grid_for(group.members, 198, 0, 900, 67_263).figures == 3


def test_members_that_do_not_fit_move_sideways() -> None:
    group = chosen(worlds.crowd(), "clickstream")
    grid = grid_for(group.members, 40, 10, 900, 67_263)
    assert grid.hidden[0] == 10
    assert grid.hidden[1] > 0
    head = paint_grid_head(grid, 40, PALETTE).text
    assert "‹" in head
    assert "›" in head
    last = grid_for(group.members, 40, 999, 900, 67_263)
    assert last.slots[-1] == 49


def test_the_lag_bar_tells_what_was_read_from_what_was_not() -> None:
    group = chosen(worlds.first())
    grid = grid_for(group.members, 118, 0, 61, 12_331)
    row = paint_standing(group.offsets[0], 12_331, 0, grid, 118, PALETTE).text
    assert row.count("▒") > 0
    assert row.count("█") > 0


def test_the_scale_of_bars_has_round_steps() -> None:
    assert [nice(value) for value in (0, 10, 11, 20, 21, 99, 100, 101, 4_974)] == [
        10, 10, 20, 20, 50, 100, 100, 200, 5_000,
    ]  # fmt: skip


# Rebalances


def test_a_rebalance_is_told_in_two_lines() -> None:
    past = chosen(worlds.busy()).rebalances[2]
    lines = text(rebalances.paint_rebalance(past, worlds.BEGAN, 78, PALETTE))
    assert lines[0].split() == ["6→7", "billing-3", "joined", "00:02:29"]
    assert "cooperative-sticky · 2/6 moved" in lines[1]
    assert "stopped 640 ms" in lines[1]
    assert "░" in lines[1]


def test_the_stopped_time_is_the_last_to_give_way() -> None:
    past = chosen(worlds.busy()).rebalances[2]
    assert "cooperative · 2/6 moved" in text(rebalances.paint_rebalance(past, worlds.BEGAN, 46, PALETTE))[1]
    assert "640 ms" in text(rebalances.paint_rebalance(past, worlds.BEGAN, 40, PALETTE))[1]


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=6), st.integers(8, 60))
@settings(max_examples=60)
def test_a_bar_is_divided_without_remainder_and_nothing_that_took_time_vanishes(
    lengths: list[float], width: int
) -> None:
    cells = rebalances.shares(lengths, width)
    if sum(lengths) > 0:
        assert sum(cells) == width
        assert all(cell > 0 for cell, length in zip(cells, lengths, strict=True) if length > 0)


def page(world: World, at: int = -1, width: int = 108) -> str:
    group = chosen(world)
    slots = {member.client_id: member.slot for member in group.members}
    strips = rebalance_page.paint_rebalance_page(group.rebalances[at], slots, worlds.BEGAN, worlds.NOW, width, PALETTE)
    assert {strip.cell_length for strip in strips} == {width}
    return "\n".join(text(strips))


def test_the_page_tells_cause_phases_and_every_partition_those_that_moved_first() -> None:
    said = page(worlds.crashed())
    assert "billing-2's session of 10.0 s ran out without a heartbeat." in said
    assert "eager, by range" in said
    assert "880 ms" in said
    order = [line.split()[0] for line in said.splitlines() if line.strip().startswith("P") and "billing-" in line]
    assert order == ["P3", "P4", "P5", "P0", "P1", "P2"]
    assert "A billing-1" in said


def test_phases_are_drawn_to_scale() -> None:
    lines = page(worlds.busy(), 2).splitlines()
    preparing = next(line for line in lines if "PreparingRebalance" in line)
    completing = next(line for line in lines if "CompletingRebalance" in line)
    assert abs(preparing.count("░") / completing.count("▒") - 610 / 90) < 1.5


def test_one_that_goes_on_counts_up() -> None:
    assert "it took 1.4 s so far" in page(worlds.busy())


# Lessons


def test_a_crash_teaches_about_the_session_timeout() -> None:
    assert "session.timeout.ms" in lesson_of(chosen(worlds.crashed()).rebalances[-1])


def test_eager_with_little_moved_teaches_what_it_cost() -> None:
    past = chosen(worlds.busy()).rebalances[1]
    assert lesson_of(past) == (
        "Eager: all 6 partitions stood still for 812 ms, though only 4 changed hands. cooperative-sticky lets the "
        "others go on."
    )


def test_cooperative_teaches_that_the_rest_went_on() -> None:
    past = chosen(worlds.busy()).rebalances[2]
    assert "only the 2 partitions that moved stood still; the other 4 were served all the while" in lesson_of(past)
    first = replace(past, moves=(Move(TopicPartition("orders", 0), "a", None, 10.0), *past.moves[:2]))
    assert "two steps" in lesson_of(first)


def test_waiting_for_slow_members_is_named() -> None:
    past = chosen(worlds.first()).rebalances[0]
    phase = past.phases[0]
    slow = replace(
        past,
        ended_ms=past.began_ms + 9_000,
        phases=(replace(phase, ended_ms=phase.began_ms + 8_000),),
        moves=past.moves,
    )
    assert "8.0 s of 9.0 s went by waiting for everybody to rejoin" in lesson_of(slow)


def test_every_rebalance_of_every_world_has_a_lesson_in_one_or_two_sentences() -> None:
    for make in worlds.WORLDS.values():
        for group in make().groups:
            for past in group.rebalances:
                assert 20 < len(lesson_of(past)) < 260


# Offsets


def test_the_preview_shows_now_then_and_what_follows() -> None:
    plan = planner(worlds.first())("billing", Earliest())
    changes = [
        offsets.Change(each.tp, each.before, each.after, each.again, each.skipped, each.owner) for each in plan.changes
    ]
    head, first, *_ = text(offsets.paint_changes(changes, 90, PALETTE))
    assert head.split() == ["now", "then", "owner", "what", "follows"]
    assert first.split()[:4] == ["P0", "12,291", "━▶", "0"]
    assert first.rstrip().endswith("12,316 again")


# Everything


@pytest.mark.parametrize(("world", "width"), product(worlds.WORLDS, WIDTHS))
def test_every_row_is_exactly_as_wide_as_asked_for(world: str, width: int) -> None:
    made = worlds.WORLDS[world]()
    painted: list[Strip] = []
    for group in made.groups:
        painted += listing.paint_listed(listing.listed(group, False), width, PALETTE)
        columns = members.columns_for(group.members, width)
        painted.append(members.paint_member_head(columns, width, PALETTE))
        for member in group.members:
            row = members.member_row(member, group, None, made.now_ms)
            painted.append(members.paint_member(row, columns, width, PALETTE))
        grid = grid_for(group.members, width, 0, group.lag, 12_000)
        painted.append(paint_grid_head(grid, width, PALETTE))
        painted += [paint_standing(each, None, None, grid, width, PALETTE) for each in group.offsets]
        for past in group.rebalances:
            painted += rebalances.paint_rebalance(past, made.began_ms, width, PALETTE)
            painted += rebalance_page.paint_rebalance_page(past, {}, made.began_ms, made.now_ms, width, PALETTE)
            painted += rebalance_page.paint_lesson(lesson_of(past), width, PALETTE)
    assert {strip.cell_length for strip in painted} <= {width}
    assert all(strip.text.isprintable() for strip in painted)
