from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with
from tests.tui.plans import planner

Compare = Callable[..., bool]
SIZES = ((80, 24), (120, 36), (200, 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_groups_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(FakeCluster(worlds.busy())), press=["3"], terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_group_of_the_consumer_protocol(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(FakeCluster(worlds.reconciling())), press=["3"], terminal_size=size)


def test_groups_in_the_light(snap_compare: Compare) -> None:
    app = app_with(FakeCluster(worlds.busy()), theme="kafkarium-light")
    assert snap_compare(app, press=["3"], terminal_size=(120, 36))


def test_a_rebalance(snap_compare: Compare) -> None:
    app = app_with(FakeCluster(worlds.crashed()))
    assert snap_compare(app, press=["3", "v"], terminal_size=(120, 36))


def test_moving_offsets(snap_compare: Compare) -> None:
    fake = FakeCluster(worlds.first())
    fake.answers["offsets.plan"] = planner(fake.world)

    async def settle(pilot: Pilot[None]) -> None:
        for _ in range(5):
            await pilot.pause()

    assert snap_compare(app_with(fake), press=["3", "s"], terminal_size=(120, 36), run_before=settle)
