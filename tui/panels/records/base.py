"""What the panels of Records share: they are shown the scene, and what the mode's reader and scrubber have."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

from engine.snapshot import PartitionView
from tui.panels.panel import Panel
from tui.records.reader import Reader
from tui.scene import Scene
from tui.scrubbing import ScrubView

if TYPE_CHECKING:
    from tui.modes.records import RecordsMode


class RecordsPanel(Panel):
    """A panel of Records."""

    @cached_property
    def mode(self) -> RecordsMode:
        """The mode, by its own type."""
        return cast("RecordsMode", self.screen)

    @property
    def reader(self) -> Reader:
        """What is read."""
        return self.mode.reader

    @property
    def scrub(self) -> ScrubView | None:
        """The scrub under way."""
        return self.mode.scrubber.view

    def logs(self, scene: Scene) -> list[PartitionView]:
        """The partitions that are read and still there."""
        return [log for tp in self.reader.tps if (log := scene.world.partition(tp)) is not None]
