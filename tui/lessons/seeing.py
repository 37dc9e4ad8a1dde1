"""What lessons see between two moments: small questions about worlds, which several steps ask."""

from __future__ import annotations

from engine.events import OffsetsChanged
from engine.snapshot import ClientState, GroupState, GroupView, ProducerLedger, label_of
from tui.lessons.lesson import Moment
from tui.scene import Written


def written(before: Moment, now: Moment) -> Written | None:
    """The record that was written by hand since."""
    record = now.scene.look.written
    return record if record is not None and record is not before.scene.look.written else None


def went_to(mode: str, before: Moment, now: Moment) -> bool:
    """Whether a person looks at that mode now."""
    return now.mode == mode


def settled(group: GroupView | None) -> bool:
    """Whether every partition of a group is somebody's, and nobody is asked to do anything more."""
    return (
        group is not None
        and group.state is GroupState.STABLE
        and not group.waiting_for
        and all(offset.owner for offset in group.offsets)
    )


def same_group(before: Moment, now: Moment) -> tuple[GroupView, GroupView] | None:
    """The group looked at when the step began, then and now."""
    then = before.group
    later = now.world.group(then.group_id) if then is not None else None
    return (then, later) if then is not None and later is not None else None


def unread(moment: Moment) -> int:
    """Records that the group looked at has not even been handed yet."""
    group, world = moment.group, moment.world
    waiting = 0
    for standing in group.offsets if group is not None else ():
        log = world.partition(standing.tp)
        at = standing.committed if standing.position is None else standing.position
        if log is not None and at is not None:
            waiting += max(0, log.high_watermark - at)
    return waiting


def crashed(before: Moment, now: Moment) -> str:
    """A consumer that has crashed since; empty without one."""
    down = {each.name for each in before.world.consumers if each.state is ClientState.CRASHED}
    found = (each.name for each in now.world.consumers if each.state is ClientState.CRASHED and each.name not in down)
    return next(found, "")


def owned_by(group: GroupView, client: str) -> int:
    """How many partitions the member of that name has."""
    return sum(
        len(member.assignment) for member in group.members if label_of(member.client_id, member.member_id) == client
    )


def again(moment: Moment, group_id: str) -> int:
    """Records that a group has processed more than once."""
    return next((book.again for book in moment.world.ledger.groups if book.group_id == group_id), 0)


def book(moment: Moment, acks: str) -> ProducerLedger | None:
    """What became of the records followed step by step with these acks."""
    books = moment.world.ledger.producers
    return next((each for each in books if each.name.startswith(f"acks-{acks}-by-hand")), None)


def put_back(before: Moment, now: Moment) -> bool:
    """Whether a person moved offsets and put them back since."""
    since = before.world.now_ms
    return any(isinstance(each, OffsetsChanged) and each.undone and each.at_ms >= since for each in now.scene.events)


def down(moment: Moment) -> tuple[int, ...]:
    """Brokers that are down."""
    return tuple(each.broker_id for each in moment.world.brokers if not each.alive)
