"""Moves the committed offsets of a group: a strategy, its parameter, which partitions; what would follow; then apply.

The preview is planned anew with every change and every second, since the world goes on; what is applied is planned once
more just before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on, work
from textual.containers import Vertical
from textual.types import CSSPathType
from textual.widgets import Input

from engine.cluster.offsets import AtTime, Earliest, Latest, OffsetPlan, Shift, Target, To
from engine.errors import KafkaError, LabError, RefusedError
from engine.snapshot import GroupView
from engine.types import TopicPartition
from engine.wording import plural
from tui.dialogs.choice import Choice
from tui.dialogs.form import Field, Form
from tui.dialogs.page import Page
from tui.dialogs.reading import FormError, Values, whole
from tui.painting.groups.offsets import Change, paint_changes
from tui.painting.text import clean, clock
from tui.records.times import ACCEPTED, Times, read_time
from tui.scene import Scene
from tui.verbs import Lab

if TYPE_CHECKING:
    from tui.app import Kafkarium

ALL = "all"
_AGAIN_S = 1.0
_FARTHEST = 10**15
_AROUND, _MOST_ROWS = 17, 14
"""Rows of the dialog beside the preview, and the most it takes itself."""
_RANGE = re.compile(r"\s*P?(\d{1,9})\s*(?:-\s*P?(\d{1,9})\s*)?", re.IGNORECASE)


class MoveOffsets(Form[OffsetPlan]):
    """Asks where to; answers the plan that was applied."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["form.tcss", "offsets.tcss"]
    verb = "apply"

    def __init__(self, scene: Scene, group: GroupView, partition: TopicPartition | None = None) -> None:
        super().__init__(scene)
        self._group = group
        self._partition = partition
        self._most_rows = _MOST_ROWS
        self._planned: tuple[Values, OffsetPlan | Exception] | None = None
        self._failed: tuple[Values, Exception] | None = None
        """For which values applying failed: said until they are changed."""

    def title_shown(self) -> str:
        """With the group's name."""
        return f"Move the offsets of {self._group.group_id}"

    def fields(self) -> Sequence[Field]:
        """Strategy, parameter, partitions."""
        topics = self._topics()
        only = self._partition
        return (
            Field("to", "to", "earliest",
                  "earliest: everything once more. latest: only what is still to come.",
                  ("earliest", "latest", "offset", "shift", "time")),
            Field("offset", "offset", "0", "The next record to be read, in each of the partitions.",
                  when=lambda values: values["to"] == "offset"),
            Field("by", "records", "-100", "-100: a hundred back. 100: a hundred on. It stops at the ends of the log.",
                  when=lambda values: values["to"] == "shift"),
            Field("time", "time", "-1m", f"To the first record at or after it: {ACCEPTED}.",
                  when=lambda values: values["to"] == "time"),
            Field("topic", "topic", only.topic if only else ALL, "Which of the topics it reads.", (ALL, *topics),
                  when=lambda _: len(topics) > 1),
            Field("partitions", "partitions", str(only.partition) if only else ALL,
                  "all, or some of them: 3, or 0-2, 5."),
        )  # fmt: skip

    def _topics(self) -> tuple[str, ...]:
        """The topics it has a standing in and that are still there."""
        group = self._group
        read = dict.fromkeys((*group.topics, *(topic for member in group.members for topic in member.topics)))
        return tuple(topic for topic in read if self.asked_in.world.topic(topic) is not None)

    # The preview -------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Add the preview above the consequence, and keep it fresh."""
        preview = Page(lambda width, palette: [], id="preview")
        preview.styles.max_height = self._most_rows
        self.query_one("#dialog", Vertical).mount(preview, before="#consequence")
        self.set_interval(_AGAIN_S, self._replan)
        self.call_after_refresh(self._replan)

    @on(Input.Changed)
    @on(Choice.Changed)
    def _on_value(self) -> None:
        self._replan()

    @work(exclusive=True, group="plan")
    async def _replan(self) -> None:
        if not self.query("#preview"):
            return
        values = self.values()
        try:
            planned: OffsetPlan | Exception = await self._ask(values, cast("Kafkarium", self.app).lab)
        except FormError:
            return  # said in place by `consequence`
        except (KafkaError, LabError) as refused:
            planned = refused
        if values != self.values():
            return
        self._planned = (values, planned)
        changes = () if isinstance(planned, Exception) else planned.changes
        shown = [Change(each.tp, each.before, each.after, each.again, each.skipped, each.owner) for each in changes]
        self.query_one("#preview", Page).show(lambda width, palette: paint_changes(shown, width, palette))
        self._changed()

    async def _ask(self, values: Values, lab: Lab) -> OffsetPlan:
        target, partitions = self._read(values)
        return await lab.offsets.plan(self._group.group_id, target, partitions)

    # The form ----------------------------------------------------------------------------------------------

    def consequence(self, values: Values) -> str:
        """What was planned for these values, and who carries it out."""
        self._read(values)
        if self._failed is not None and self._failed[0] == values:
            raise self._failed[1]
        if self._planned is None or self._planned[0] != values:
            return ""
        planned = self._planned[1]
        if isinstance(planned, Exception):
            raise planned
        if why := _why_not(planned):
            raise RefusedError(why)
        who = {
            "members": " Its members seek and commit: Kafka lets nobody else move offsets of a group that has members.",
            "coordinator": " The group has no members, so its coordinator takes the new offsets.",
        }
        return f"{planned.sentence()}{self._since(values)}{who.get(planned.via, '')}"

    def _since(self, values: Values) -> str:
        target, _ = self._read(values)
        if not isinstance(target, AtTime):
            return ""
        return f" That is from {clock(target.timestamp - self.asked_in.world.began_ms)} on the lab's clock."

    async def apply(self, values: Values, lab: Lab) -> OffsetPlan:
        """Plan once more, and carry it out."""
        plan = await self._ask(values, lab)
        if why := _why_not(plan):
            raise RefusedError(why)
        try:
            await lab.offsets.apply(plan)
        except (KafkaError, LabError) as refused:
            self._failed = (values, refused)
            raise
        return plan

    def on_resize(self, event: events.Resize) -> None:
        """Leave room for the fields and the sentences."""
        self._most_rows = min(max(event.size.height - _AROUND, 3), _MOST_ROWS)
        for preview in self.query("#preview"):
            preview.styles.max_height = self._most_rows

    def on_key(self, event: events.Key) -> None:
        """Scroll the preview while a field has the focus."""
        if event.key in ("pageup", "pagedown"):
            self.query_one("#preview", Page).scroll_by_key(event.key)
            event.stop()
            event.prevent_default()

    # Reading -----------------------------------------------------------------------------------------------

    def _read(self, values: Values) -> tuple[Target, tuple[TopicPartition, ...] | None]:
        return self._target(values), self._chosen(values)

    def _target(self, values: Values) -> Target:
        match values["to"]:
            case "earliest":
                return Earliest()
            case "latest":
                return Latest()
            case "offset":
                return To(whole(values, "offset", "offset"))
            case "shift":
                return Shift(whole(values, "by", "records", -_FARTHEST, _FARTHEST))
        world = self.asked_in.world
        time = read_time(values["time"], Times(world.now_ms, world.began_ms))
        if time is None:
            raise FormError("time", f"A time is written as {ACCEPTED}, not {clean(values['time'])!r}.")
        return AtTime(time)

    def _chosen(self, values: Values) -> tuple[TopicPartition, ...] | None:
        """None for every partition of the group."""
        topics = self._topics()
        if values["topic"] != ALL:
            topics = (values["topic"],)
        wanted = values["partitions"].strip().lower()
        if wanted == ALL and topics == self._topics():
            return None
        there = {
            topic: len(view.partitions) for topic in topics if (view := self.asked_in.world.topic(topic)) is not None
        }
        most = max(there.values(), default=0)
        numbers = range(most) if wanted == ALL else read_numbers(values, most)
        return tuple(
            TopicPartition(topic, number) for topic, count in there.items() for number in numbers if number < count
        )


def _why_not(plan: OffsetPlan) -> str:
    """Why a plan is not carried out; empty when it can be."""
    if not plan.refused and all(change.before == change.after for change in plan.changes):
        return "Its offsets stand there already; there is nothing to move."
    return plan.refused


def read_numbers(values: Values, count: int) -> list[int]:
    """Partitions as written, "0-2, 5", each once and in order; FormError says what can be written."""
    found: set[int] = set()
    for part in values["partitions"].split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise FormError("partitions", f"Write all, or partitions like 3 or 0-2, 5; not {clean(part.strip())!r}.")
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last >= count:
            shown = f"{first}" if first == last else f"{first}-{last}"
            raise FormError(
                "partitions", f"There {'is' if count == 1 else 'are'} {plural(count, 'partition')}, 0 to {count - 1}; "
                f"{shown} is not among them."
            )  # fmt: skip
        found.update(range(first, last + 1))
    return sorted(found)
