from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from themes.variables import DEFAULTS
from tui.painting.lab.inflow import Mouth, Source, paint_inflow
from tui.painting.lab.wires import Hold, Plug, Socket, paint_wires
from tui.painting.palette import palette_from

PALETTE = palette_from(DEFAULTS)


def drawn(plugs: list[Plug], sockets: list[Socket], width: int = 8, height: int = 8, bright: int | None = None) -> str:
    rows = paint_wires(plugs, sockets, width, height, PALETTE, bright)
    return "\n".join(row.text.rstrip() for row in rows).strip("\n")


def test_the_lanes_of_a_member_are_bundled_and_lead_to_its_row() -> None:
    plugs = [Plug(0, 0), Plug(2, 0), Plug(4, 1), Plug(6, 1)]
    assert drawn(plugs, [Socket(1, 0), Socket(5, 1)]).splitlines() == [
        "─╮",
        " ├──────",
        "─╯",
        "",
        "───╮",
        "   ├────",
        "───╯",
    ]


def test_a_lane_at_its_members_row_is_a_straight_wire() -> None:
    assert drawn([Plug(0, 0)], [Socket(0, 0)]) == "────────"


def test_crossings_are_avoided_where_they_can_be() -> None:
    plugs = [Plug(0, 0), Plug(1, 1), Plug(2, 2)]
    assert drawn(plugs, [Socket(3, 0), Socket(4, 1), Socket(5, 2)]).splitlines() == [
        "─────╮",
        "───╮ │",
        "─╮ │ │",
        " │ │ ╰──",
        " │ ╰────",
        " ╰──────",
    ]


def test_many_members_in_steps_do_not_cross_at_all() -> None:
    plugs = [Plug(at, at // 3) for at in range(18)]
    sockets = [Socket(3 + at, at) for at in range(6)]
    assert drawn(plugs, sockets, height=18).splitlines() == [
        "──────╮",
        "──────┤",
        "──────┤",
        "─╮    ╰─",
        "─┼──────",
        "─╯╭─────",
        "──┤╭────",
        "──┤│╭───",
        "──╯││╭──",
        "───┤││",
        "───┤││",
        "───╯││",
        "────┤│",
        "────┤│",
        "────╯│",
        "─────┤",
        "─────┤",
        "─────╯",
    ]


def test_a_member_is_plugged_in_clear_of_the_lanes_of_others() -> None:
    plugs = [Plug(1, 0), Plug(4, 1)]
    assert drawn(plugs, [Socket(1, 1, height=3), Socket(4, 0, height=3)]).splitlines() == [
        "─╮",
        " │ ╭────",
        " │ │",
        "───╯",
        " ╰──────",
    ]


def test_a_partition_nobody_serves_hangs_loose() -> None:
    assert drawn([Plug(0, None, Hold.LOOSE), Plug(1, 0)], [Socket(1, 0)]) == "╌╌╴\n────────"


def test_the_wire_of_a_crashed_member_stays_in_its_socket_and_is_seen_to_be_broken() -> None:
    picture = drawn([Plug(0, 2, Hold.BROKEN), Plug(2, 2, Hold.BROKEN)], [Socket(1, 2)])
    assert "╌" in picture
    assert "─" not in picture


def test_a_wire_that_was_just_plugged_in_is_heavy_and_so_is_the_one_selected() -> None:
    assert drawn([Plug(0, 0, Hold.FRESH)], [Socket(0, 0)]) == "━━━━━━━━"
    assert drawn([Plug(0, 0)], [Socket(0, 0)], bright=0) == "━━━━━━━━"


def test_a_wire_that_leads_out_of_view_is_a_stump() -> None:
    assert drawn([Plug(0, 30)], [Socket(1, 4)]) == "─╴\n      ╶─"
    assert drawn([Plug(0, 30)], [Socket(1, 4, held=False)]) == "─╴"


plug = st.builds(Plug, st.integers(0, 29), st.integers(0, 49) | st.none(), st.sampled_from(Hold))


@settings(max_examples=150, deadline=None)
@given(
    plugs=st.lists(plug, max_size=30, unique_by=lambda each: each.row),
    sockets=st.lists(st.builds(Socket, st.integers(0, 29), st.integers(0, 49)), max_size=30,
                     unique_by=(lambda each: each.row, lambda each: each.slot)),
    width=st.integers(2, 16),
)  # fmt: skip
def test_any_assignment_can_be_drawn(plugs: list[Plug], sockets: list[Socket], width: int) -> None:
    rows = paint_wires(plugs, sockets, width, 30, PALETTE)
    assert len(rows) == 30
    assert all(cell_len(row.text) == width for row in rows)


def test_producers_share_a_bus_into_every_lane_and_an_arrival_is_lit() -> None:
    rows = paint_inflow([Source(0, True), Source(3, False)], [Mouth(1, True), Mouth(4, False)], 4, 5, PALETTE)
    assert [row.text.rstrip() for row in rows] == ["─╮", " ├─▶", " │", "╌┤", " ╰─▷"]


def test_without_a_producer_nothing_flows_in() -> None:
    assert not "".join(row.text for row in paint_inflow([], [Mouth(1, True)], 4, 5, PALETTE)).strip()
