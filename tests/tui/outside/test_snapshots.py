from __future__ import annotations

import pytest

from tests.tui.pictures import Compare, looks_as_it_did

SCENES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "clients-80x24": ("visited", (80, 24), ("0",)),
    "clients-120x36": ("visited", (120, 36), ("0",)),
    "clients-200x60": ("visited", (200, 60), ("0",)),
    "paused-120x36": ("paused", (120, 36), ("0",)),
    "how-to-connect-80x24": ("visited", (80, 24), ("0", "v", "right", "right")),
}


@pytest.mark.parametrize("name", SCENES)
def test_clients_look_as_they_did(name: str, snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, *SCENES[name])
