"""Where logs begin and end, where groups stand in them, and what of them a filter can match; all by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.errors import RefusedError
from engine.snapshot import World
from engine.types import TopicPartition
from tui.records.filters import Filter
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp, Place

Places = dict[TopicPartition, int]


@dataclass(frozen=True, slots=True)
class AtPlaces:
    """Known places in each log."""

    places: Places


@dataclass(frozen=True, slots=True)
class Progress:
    """How far looking for a filter's records has come."""

    text: str
    found: int
    share: float
    """Of what can match, how much was looked through: 0 to 1."""
    under_way: bool
    stopped: bool
    """A person stopped it before it was through."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The logs that are read, as the world has them; `since` are the first offsets at the filter's time."""

    starts: Mapping[TopicPartition, int] = field(default_factory=dict)
    ends: Mapping[TopicPartition, int] = field(default_factory=dict)
    """High watermarks."""
    committed: Mapping[str, Places] = field(default_factory=dict)
    """By group."""
    filter: Filter | None = None
    since: Mapping[TopicPartition, int] = field(default_factory=dict)

    @property
    def floors(self) -> Places:
        """Where each log begins, as far as the filter can match there."""
        if self.filter is None:
            return dict(self.starts)
        least = self.filter.first_offset
        return {tp: min(max(start, least, self.since.get(tp, 0)), self.ends[tp]) for tp, start in self.starts.items()}

    @property
    def ceilings(self) -> Places:
        """Where each log ends, as far as the filter can match there."""
        end = self.filter.end_offset if self.filter is not None else None
        if end is None:
            return dict(self.ends)
        return {tp: max(min(each, end), self.starts[tp]) for tp, each in self.ends.items()}

    def held(self, places: Mapping[TopicPartition, int]) -> Places:
        """The places, or what is nearest to them between floors and ceilings."""
        ceilings = self.ceilings
        return {tp: max(floor, min(places.get(tp, floor), ceilings[tp])) for tp, floor in self.floors.items()}

    def find(self, place: Place | AtPlaces) -> Places | None:
        """The place in each log; None for a time, which the lab has to be asked for. Raises RefusedError."""
        match place:
            case AtStart():
                return self.floors
            case AtEnd():
                return self.ceilings
            case AtTimestamp():
                return None
            case AtGroup(group_id):
                return self._standing(group_id)
            case AtPlaces(places):
                return places
            case AtOffset(offset):
                if len(self.starts) > 1:
                    raise RefusedError("An offset names a record within one partition; choose one first (← →).")
                return dict.fromkeys(self.starts, offset)

    def _standing(self, group_id: str) -> Places:
        committed = self.committed.get(group_id, {})
        if not committed:
            tp = next(iter(self.starts), None)
            where = "here" if tp is None else f"in {tp.topic if len(self.starts) > 1 else tp}"
            raise RefusedError(f"{group_id} has committed nothing {where}.")
        return {tp: committed.get(tp, start) for tp, start in self.starts.items()}


def ends_in(world: World, tps: Sequence[TopicPartition]) -> Ends:
    """The logs of these partitions that there are."""
    logs = [log for tp in tps if (log := world.partition(tp)) is not None]
    ends = {log.tp: log.high_watermark for log in logs}
    committed = {
        group.group_id: {
            offset.tp: offset.committed
            for offset in group.offsets
            if offset.committed is not None and offset.tp in ends
        }
        for group in world.groups
    }
    return Ends({log.tp: log.log_start_offset for log in logs}, ends, committed)
