"""What administrators do to a group without members, told as it happens: its offsets are moved or forgotten, or it is.

A consumer that is assigned its partitions by hand commits in the same way as an administrator, so the offsets of a
group that never had members are moved without a word.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.clock import Clock
from engine.events import EventLog, OffsetsChanged, Tone
from engine.types import OffsetAndMetadata, TopicPartition


class ByHand:
    """Publishes what was done by hand."""

    def __init__(self, clock: Clock, events: EventLog) -> None:
        self._clock = clock
        self._events = events

    def moved(
        self, group_id: str, before: Mapping[TopicPartition, int], after: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Committed offsets were set; `before` has those that were committed."""
        steps = [given.offset - before.get(tp, given.offset) for tp, given in after.items()]
        self._events.publish(
            OffsetsChanged(
                at_ms=self._clock.now_ms(),
                subject=group_id,
                again=sum(-step for step in steps if step < 0),
                skipped=sum(step for step in steps if step > 0),
                partitions=len(steps),
            )
        )

    def forgotten(self, group_id: str, partitions: int) -> None:
        """Commits were deleted."""
        what = "the committed offset of 1 partition was" if partitions == 1 else f"{partitions} committed offsets were"
        text = f"{group_id}: {what} deleted; who reads there next begins by its auto.offset.reset."
        self._events.tell(self._clock.now_ms(), group_id, text, Tone.LOSS)

    def deleted(self, group_id: str, offsets: int) -> None:
        """A whole group was deleted."""
        text = f"The group {group_id} was deleted, with {offsets} committed offset{'s' if offsets != 1 else ''}."
        self._events.tell(self._clock.now_ms(), group_id, text, Tone.LOSS)
