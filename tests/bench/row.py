"""One line of the bench: what was measured, and the yardstick it is held against, both from the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `yardstick` are in `unit`; `floor` is the least ratio that is good, None where none is asked for."""

    name: str
    ours: float
    yardstick: float
    unit: str
    yardstick_name: str
    floor: float | None = None
    higher_is_better: bool = True

    @property
    def ratio(self) -> float:
        """How many times as good as the yardstick, whichever way the unit counts: above 1.0 is better."""
        better, worse = (self.ours, self.yardstick) if self.higher_is_better else (self.yardstick, self.ours)
        return better / worse if worse else float("inf")

    @property
    def good(self) -> bool:
        """Whether the floor is kept; always so without one."""
        return self.floor is None or self.ratio >= self.floor
