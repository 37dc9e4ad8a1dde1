from __future__ import annotations

import pytest

from tests.tui.pictures import Compare, looks_as_it_did

SCENES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "first-80x24": ("first", (80, 24), ()),
    "first-120x36": ("first", (120, 36), ()),
    "first-200x60": ("first", (200, 60), ()),
    "busy-120x36": ("busy", (120, 36), ("right", "right", "down")),
    "groups-120x36": ("busy", (120, 36), ("right", "m")),
    "crowd-120x36": ("crowd", (120, 36), ("right", "pagedown")),
    "crashed-80x24": ("crashed", (80, 24), ()),
    "torn-80x24": ("torn", (80, 24), ()),
    "torn-120x36": ("torn", (120, 36), ()),
    "torn-200x60": ("torn", (200, 60), ()),
    "partition-120x36": ("torn", (120, 36), ("right", "d")),
    "empty-120x36": ("empty", (120, 36), ()),
    "hostile-120x36": ("hostile", (120, 36), ()),
    "scrub-120x36": ("first", (120, 36), ("right", "s", "left", "pageup")),
    "details-120x36": ("first", (120, 36), ("right", "right", "enter")),
}


@pytest.mark.parametrize("name", SCENES)
def test_the_lab_looks_as_it_did(name: str, snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, *SCENES[name])
