from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from rich.cells import cell_len
from textual.strip import Strip

from engine.snapshot import TopicView, World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.painting.line import Line
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedPartition


class Topics(Panel):
    """A row a topic, which selects its first partition."""

    kind = "topics"
    name_shown = "Topics"

    def nothing(self, scene: Scene) -> str:
        return "No topics yet. Press n to make one."

    def items(self, scene: Scene) -> Sequence[Item]:
        return [Item(each, SelectedPartition(TopicPartition(each.name, 0))) for each in scene.world.topics]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        return [Line(pen.width).data(cast("TopicView", item.model).name, pen.palette.text).strip()]


def many(count: int, changed: int = -1) -> World:
    """So many topics; one of them has grown."""
    return worlds.world(topics=tuple(worlds.topic(f"t{at:03d}", (1 + (at == changed),)) for at in range(count)))


async def topics(on: Stage, world: World) -> Topics:
    """A panel of topics that fills the mode and shows that world."""
    mode = on.app.mode
    mode._timer.pause()
    await mode.query_one("#body").remove_children()
    panel = Topics()
    await mode.query_one("#body").mount(panel)
    panel.styles.height = "100%"
    panel.focus()
    on.lab.world = world
    await on.settle()
    panel.show(Scene(world))
    await on.settle()
    return panel


def selected(panel: Panel) -> str:
    assert isinstance(panel.selection, SelectedPartition)
    return panel.selection.tp.topic


async def test_arrows_and_letters_move_the_cursor_and_the_view_follows(stage: OpenStage) -> None:
    async with stage(size=(80, 24)) as on:
        panel = await topics(on, many(50))
        await on.press("j", "down", "k")
        assert selected(panel) == "t001"
        await on.press("G")
        assert selected(panel) == "t049"
        assert "t049" in on.text()
        assert "t001" not in on.text()
        await on.press("pageup")
        assert "t029" <= selected(panel) <= "t031"
        await on.press("g")
        assert selected(panel) == "t000"
        await on.press("up")
        assert selected(panel) == "t000"


async def test_the_cursor_stays_on_what_it_selects_when_rows_come_and_go(stage: OpenStage) -> None:
    async with stage(size=(80, 24)) as on:
        world = many(10)
        panel = await topics(on, world)
        panel.select(SelectedPartition(TopicPartition("t004", 0)))
        panel.show(Scene(replace(world, topics=world.topics[2:])))
        assert selected(panel) == "t004"
        panel.show(Scene(replace(world, topics=world.topics[:3])))
        assert selected(panel) == "t002"
        panel.show(Scene(replace(world, topics=())))
        assert panel.selection is None
        await on.settle()
        assert "Press n to make one" in on.text()


async def test_only_rows_that_changed_are_painted_again(stage: OpenStage) -> None:
    drawn: list[object] = []

    class Counting(Topics):
        def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
            drawn.append(item.selection)
            return super().draw(item, pen)

    async with stage(size=(80, 24)) as on:
        before = many(50)
        panel = await topics(on, before)
        counting = Counting()
        await panel.remove()
        await on.app.mode.query_one("#body").mount(counting)
        counting.styles.height = "100%"
        counting.show(Scene(before))
        await on.settle()
        drawn.clear()
        grown = worlds.topic("t003", (2,))
        after = replace(before, topics=(*before.topics[:3], grown, *before.topics[4:]))
        counting.show(Scene(after))
        await on.settle()
        assert drawn == [SelectedPartition(TopicPartition("t003", 0))]


async def test_the_mouse_lights_up_takes_and_opens(stage: OpenStage) -> None:
    opened: list[object] = []
    async with stage(size=(80, 24)) as on:
        panel = await topics(on, many(5))

        async def remember(context: object) -> None:
            opened.append(panel.selection)

        on.app.mode.open = remember  # type: ignore[method-assign]
        await on.pilot.hover(panel, offset=(5, 4))
        assert panel._hover == 3
        await on.pilot.click(panel, offset=(5, 3))
        assert selected(panel) == "t002"
        await on.pilot.click(panel, offset=(5, 3), times=2)
        await on.settle()
        assert opened == [SelectedPartition(TopicPartition("t002", 0))]


async def test_rows_fill_the_width_at_every_size(stage: OpenStage) -> None:
    for size in ((60, 18), (80, 24), (200, 60)):
        async with stage(worlds.hostile(), size=size) as on:
            assert all(cell_len(line) == size[0] for line in on.lines())
