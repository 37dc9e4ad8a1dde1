from __future__ import annotations

import pytest

from tests.tui.pictures import Compare, looks_as_it_did

SCENES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "live-80x24": ("first", (80, 24), ("2",)),
    "live-120x36": ("first", (120, 36), ("2",)),
    "standing-200x60": ("busy", (200, 60), ("2", "m", "m", "m")),
    "merged-120x36": ("busy", (120, 36), ("2", "left", "up", "up")),
    "scrub-80x24": ("first", (80, 24), ("2", "m", "s", "up", "up")),
    "hostile-120x36": ("hostile", (120, 36), ("2", "up")),
}


@pytest.mark.parametrize("name", SCENES)
def test_records_look_as_they_did(name: str, snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, *SCENES[name])
