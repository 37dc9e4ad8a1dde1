"""Moving a group's offsets by hand: plan first, see what it would do, apply, undo.

Kafka moves the offsets of a group only while it has no members (`kafka-consumer-groups --reset-offsets`); then the
coordinator is asked. For consumers that live in the lab there is an honest other way: the owner seeks and commits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Protocol

from engine.errors import GroupIdNotFoundError, KafkaError, OffsetOutOfRangeError, RefusedError, error_for
from engine.events import Event, OffsetsChanged
from engine.messages import DeleteGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, Request
from engine.snapshot import GroupOffsetView, GroupState, GroupView, PartitionView, World, label_of
from engine.types import OffsetAndMetadata, TopicPartition
from engine.wording import plural


@dataclass(frozen=True, slots=True)
class Earliest:
    """To the log start."""


@dataclass(frozen=True, slots=True)
class Latest:
    """To the high watermark: nothing that is there now will be delivered."""


@dataclass(frozen=True, slots=True)
class To:
    """To one offset; outside the log it is refused."""

    offset: int


@dataclass(frozen=True, slots=True)
class Shift:
    """By so many records, back when negative; stops at the ends of the log as Kafka's tool does."""

    by: int


@dataclass(frozen=True, slots=True)
class AtTime:
    """To the first record at or after a time in ms; the end where there is none."""

    timestamp: int


@dataclass(frozen=True, slots=True)
class Exactly:
    """Each partition to its own offset; None forgets the commit."""

    offsets: Mapping[TopicPartition, int | None]


Target = Earliest | Latest | To | Shift | AtTime | Exactly


@dataclass(frozen=True, slots=True)
class OffsetChange:
    """One partition of a plan. `before` and `after` are committed offsets, None for no commit.

    `again` and `skipped` count offsets that would be delivered again, or never, seen from where the group reads now.
    """

    tp: TopicPartition
    before: int | None
    after: int | None
    again: int
    skipped: int
    owner: str | None
    """Label of the member that owns it."""


@dataclass(frozen=True, slots=True)
class OffsetPlan:
    """What moving a group's offsets would do. It changes nothing until it is applied."""

    group_id: str
    changes: tuple[OffsetChange, ...]
    via: str
    """Who carries it out: "coordinator" for a group without members, "members" for consumers of the lab."""
    refused: str = ""
    """Why it cannot be applied; empty when it can."""

    @property
    def again(self) -> int:
        """Records that would be delivered again."""
        return sum(change.again for change in self.changes)

    @property
    def skipped(self) -> int:
        """Records that would never be delivered."""
        return sum(change.skipped for change in self.changes)

    def sentence(self) -> str:
        """What applying it would do, or why it cannot be applied."""
        if self.refused:
            return self.refused
        owners = sorted({change.owner for change in self.changes if change.owner and (change.again or change.skipped)})
        to = f" to {', '.join(owners)}" if owners else f" to {self.group_id}"
        parts = [f"{plural(self.again, 'record')} will be delivered again{to}"] if self.again else []
        parts += [f"{plural(self.skipped, 'record')} will never be delivered{to}"] if self.skipped else []
        return "; ".join(parts) + "." if parts else "Nothing is delivered again and nothing is skipped."


class Reach(Protocol):
    """What the offsets service needs of the cluster."""

    def snapshot(self) -> World:
        """The world now."""

    async def offset_at(self, tp: TopicPartition, timestamp: int) -> int:
        """The first offset at or after a time (ms); the end where there is none."""

    async def ask_coordinator(self, group_id: str, request: Request[Any]) -> Any:
        """Send a request to the group's coordinator."""

    async def seek_members(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the lab's consumers that own these partitions seek and commit."""

    def owned_in_lab(self, group_id: str, tp: TopicPartition) -> bool:
        """Whether a consumer of the lab owns the partition."""


UNDOABLE = 20
"""How many moves can be undone, one after the other."""


class Offsets:
    """Plans, applies and undoes offset changes. The undo goes back step by step through what was applied here."""

    def __init__(self, reach: Reach, publish: Callable[[Event], None]) -> None:
        self._reach = reach
        self._publish = publish
        self._undo: deque[OffsetPlan] = deque(maxlen=UNDOABLE)

    @property
    def undoable(self) -> str:
        """What `undo` would take back, in words; empty when there is nothing."""
        if not self._undo:
            return ""
        plan = self._undo[-1]
        names = [str(change.tp) for change in plan.changes]
        return f"{plan.group_id}: {names[0] if len(names) == 1 else f'{len(names)} partitions'}"

    async def plan(
        self, group_id: str, target: Target, partitions: tuple[TopicPartition, ...] | None = None
    ) -> OffsetPlan:
        """What moving the group to `target` would do; GroupIdNotFoundError, OffsetOutOfRangeError."""
        world = self._reach.snapshot()
        group = world.group(group_id)
        if group is None:
            raise GroupIdNotFoundError(f"There is no group {group_id!r}.")
        if isinstance(target, Exactly):
            wanted = tuple(target.offsets)
        else:
            wanted = partitions if partitions is not None else _partitions_of(world, group)
        labels = {member.member_id: label_of(member.client_id, member.member_id) for member in group.members}
        standing = {offset.tp: offset for offset in group.offsets}
        changes = []
        for tp in wanted:
            log = world.partition(tp)
            if log is None:
                raise RefusedError(f"There is no partition {tp}.")
            now = standing.get(tp)
            after = await self._after(target, log, now)
            changes.append(_change(log, now, after, labels))
        return OffsetPlan(
            group_id, tuple(changes), "members" if group.members else "coordinator", self._refusal(group, changes)
        )

    async def _after(self, target: Target, log: PartitionView, now: GroupOffsetView | None) -> int | None:
        low, high = log.log_start_offset, log.high_watermark
        match target:
            case Earliest():
                return low
            case Latest():
                return high
            case Shift(by):
                _check_whole(by)
                base = now.committed if now and now.committed is not None else (high if by < 0 else low)
                return min(max(base + by, low), high)
            case AtTime(timestamp):
                return min(await self._reach.offset_at(log.tp, timestamp), high)
            case To(offset):
                return _within(log, offset)
            case Exactly(offsets):
                offset_or_none = offsets[log.tp]
                return None if offset_or_none is None else _within(log, offset_or_none)

    def _refusal(self, group: GroupView, changes: list[OffsetChange]) -> str:
        if not group.members:
            return ""
        if group.state is not GroupState.STABLE:
            return f"{group.group_id} is rebalancing ({group.state.value}); wait until it is Stable."
        for change in changes:
            if change.after is None:
                return f"{group.group_id} has members: the commit of {change.tp} cannot be forgotten now."
            if not self._reach.owned_in_lab(group.group_id, change.tp):
                who = f"{change.owner} lives outside the lab" if change.owner else "nobody in the lab owns it"
                return (
                    f"{group.group_id} has members, so Kafka refuses to move {change.tp} ({who}). "
                    "Stop the members first, then move the offsets."
                )
        return ""

    async def apply(self, plan: OffsetPlan) -> None:
        """Carry a plan out; RefusedError or KafkaError, and then nothing has changed in a group without members.

        One that moves nothing does nothing, and there is nothing to undo of it.
        """
        await self._carry_out(plan)
        if not plan.changes:
            return
        self._undo.append(plan)
        self._tell(plan, undone=False)

    async def undo(self) -> str:
        """Put the last applied plan's partitions back where they were committed before; what was undone, in words."""
        if not self._undo:
            raise RefusedError("There is nothing to undo: no offsets were moved here.")
        last = self._undo[-1]
        words = self.undoable
        back = self._still_there(last)
        if self._reach.snapshot().group(last.group_id) is None or not back.offsets:
            self._undo.pop()
            raise RefusedError(f"What was moved is not there any more, so nothing is put back: {words}.")
        plan = await self.plan(last.group_id, back)
        await self._carry_out(plan)
        self._undo.pop()
        self._tell(plan, undone=True)
        return words

    def _still_there(self, plan: OffsetPlan) -> Exactly:
        """Where a plan found its partitions, moved to the log start where retention has since removed that."""
        world = self._reach.snapshot()
        back: dict[TopicPartition, int | None] = {}
        for change in plan.changes:
            log = world.partition(change.tp)
            if log is not None:
                back[change.tp] = change.before if change.before is None else max(change.before, log.log_start_offset)
        return Exactly(back)

    async def _carry_out(self, plan: OffsetPlan) -> None:
        if plan.refused:
            raise RefusedError(plan.refused)
        set_to = {change.tp: change.after for change in plan.changes if change.after is not None}
        forget = tuple(change.tp for change in plan.changes if change.after is None)
        if plan.via == "members":
            await self._reach.seek_members(plan.group_id, set_to)
            return
        if set_to:
            offsets = {tp: OffsetAndMetadata(offset) for tp, offset in set_to.items()}
            await self._ask(plan.group_id, OffsetCommitRequest(plan.group_id, offsets, told=True))
        if forget:
            await self._ask(plan.group_id, OffsetDeleteRequest(plan.group_id, forget, told=True))

    async def delete_group(self, group_id: str) -> None:
        """Delete a group without members, and its offsets; NonEmptyGroupError, GroupIdNotFoundError."""
        await self._ask(group_id, DeleteGroupsRequest((group_id,)))
        kept = [plan for plan in self._undo if plan.group_id != group_id]
        self._undo.clear()
        self._undo.extend(kept)

    def kept(self) -> list[list[Any]]:
        """What can be undone as plain values."""
        return [
            [plan.group_id, plan.via, [[*change.tp, *astuple(change)[1:]] for change in plan.changes]]
            for plan in self._undo
        ]

    def recall(self, kept: Iterable[Sequence[Any]]) -> None:
        """Go on from what was kept."""
        for group_id, via, changes in kept:
            known = (OffsetChange(TopicPartition(topic, number), *rest) for topic, number, *rest in changes)
            self._undo.append(OffsetPlan(group_id, tuple(known), via))

    async def _ask(self, group_id: str, request: Request[Any]) -> None:
        answer = await self._reach.ask_coordinator(group_id, request)
        for what, code in answer.errors.items():
            if code:
                error: KafkaError = error_for(code)
                raise type(error)(f"{what}: {error}")

    def _tell(self, plan: OffsetPlan, undone: bool) -> None:
        now = self._reach.snapshot().now_ms
        self._publish(
            OffsetsChanged(
                at_ms=now,
                subject=plan.group_id,
                again=plan.again,
                skipped=plan.skipped,
                partitions=len(plan.changes),
                undone=undone,
            )
        )


def _partitions_of(world: World, group: GroupView) -> tuple[TopicPartition, ...]:
    topics = dict.fromkeys((*group.topics, *(topic for member in group.members for topic in member.topics)))
    views = (world.topic(name) for name in topics)
    return tuple(partition.tp for view in views if view is not None for partition in view.partitions)


def _check_whole(number: int) -> None:
    if not isinstance(number, int):
        raise RefusedError(f"Offsets are whole numbers; {number!r} is none.")


def _within(log: PartitionView, offset: int) -> int:
    _check_whole(offset)
    if not log.log_start_offset <= offset <= log.high_watermark:
        raise OffsetOutOfRangeError(
            f"{log.tp} holds offsets {log.log_start_offset:,} to {log.high_watermark:,}; {offset:,} is outside."
        )
    return offset


def _change(
    log: PartitionView, now: GroupOffsetView | None, after: int | None, labels: Mapping[str, str]
) -> OffsetChange:
    before = now.committed if now else None
    owner = labels.get(now.owner) if now and now.owner else None
    reads = now.position if now and now.position is not None else before
    again = max(0, reads - after) if reads is not None and after is not None else 0
    skipped = max(0, after - max(reads, log.log_start_offset)) if reads is not None and after is not None else 0
    return OffsetChange(log.tp, before, after, again, skipped, owner)
