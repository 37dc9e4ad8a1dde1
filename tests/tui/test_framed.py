from __future__ import annotations

from rich.segment import Segment

from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.panels.framed import Framed


def painted(on: Stage, panel: Framed) -> list[list[Segment]]:
    """What of the screen is the panel's, line by line."""
    x, y, width, height = panel.region
    return [list(strip.crop(x, x + width)) for strip in on.app.screen._compositor.render_strips()[y : y + height]]


async def test_the_sides_of_the_border_are_of_one_colour_with_its_top(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        for key in ("tab", "shift+tab"):
            lanes = on.app.mode.query_one("#lanes", Framed)
            await on.press(key)
            top, *lines, _ = painted(on, lanes)
            assert {line[0] for line in lines} == {line[-1] for line in lines} == {Segment("│", top[0].style)}


async def test_a_focused_panel_is_told_by_its_border(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        lanes = on.app.mode.query_one("#lanes", Framed)
        without = painted(on, lanes)[1][0].style
        lanes.focus()
        await on.settle()
        assert painted(on, lanes)[1][0].style != without


async def test_under_a_scrollbar_lines_reach_the_border(stage: OpenStage) -> None:
    async with stage(worlds.crowd()) as on:
        lanes = on.app.mode.query_one("#lanes", Framed)
        assert lanes.show_vertical_scrollbar
        assert all(sum(segment.cell_length for segment in line) == lanes.region.width for line in painted(on, lanes))
        assert all(line[-1].text == "│" for line in painted(on, lanes)[1:-1])


async def test_lines_that_did_not_change_are_handed_over_as_they_were(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        lanes = on.app.mode.query_one("#lanes", Framed)
        before = lanes.render_lines(lanes.outer_size.region)
        on.app.mode.tick()
        after = lanes.render_lines(lanes.outer_size.region)
        assert all(a is b for a, b in zip(before, after, strict=True))
        lanes.refresh_lines(2)
        again = lanes.render_lines(lanes.outer_size.region)
        assert again == before
