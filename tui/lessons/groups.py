"""Lessons about consumers: how a group shares the work, what groups have to do with each other, pace, and crashes."""

from __future__ import annotations

from engine.snapshot import ClientState
from engine.wording import plural
from tui.lessons.lesson import Lesson, Moment, Step, named, records_that_flow
from tui.lessons.seeing import again, crashed, owned_by, put_back, same_group, settled, unread
from tui.painting.text import number

_MANY = 15
"""Records more that wait, from which on a slow consumer is seen to be one."""


# One group ---------------------------------------------------------------------------------------------------


def _shares_with_more(before: Moment, now: Moment) -> str:
    groups = same_group(before, now)
    if groups is None or len(groups[1].members) <= len(groups[0].members) or not settled(groups[1]):
        return ""
    group = groups[1]
    return (
        f"{plural(len(group.members), 'member')}, {plural(len(group.offsets), 'partition')}, and each partition has "
        "one reader. That was a rebalance: *What happened* says what went to whom, and how long nobody read."
    )


def _has_one_too_many(before: Moment, now: Moment) -> str:
    group = now.group
    if group is None or not settled(group) or all(member.assignment for member in group.members):
        return ""
    return (
        "One is idle: no partition has two readers in a group, or order would be lost. So "
        f"{plural(len(group.offsets), 'partition')} feed {number(len(group.offsets))} members at most; an idle one "
        "stands by."
    )


def _lost_one(before: Moment, now: Moment) -> str:
    groups = same_group(before, now)
    if groups is None or not settled(groups[1]):
        return ""
    stopped = {each.name for each in now.world.consumers if each.state is ClientState.STOPPED}
    still = {member.member_id for member in groups[1].members}
    left = [member for member in groups[0].members if member.member_id not in still and member.client_id in stopped]
    if not left:
        return ""
    if not any(member.assignment for member in left):
        return "It had no partitions, so its leaving changes little: the others keep what they have."
    return (
        "It said goodbye, so the others took over at once, after what it had done was committed: nothing is read "
        "twice. A crash is another matter, and another lesson."
    )


SHARING = Lesson(
    "A group shares the work",
    "Each partition has at most one reader in a group; members come and go, and the partitions are shared out anew.",
    (
        Step(
            "Lines, or letters where there is no room for them, show who of the group {group} reads which partition. "
            "`c` `enter` starts one more consumer.",
            _shares_with_more,
        ),
        Step("More of them than partitions: `c` `enter`, until there are {one_more} members.", _has_one_too_many),
        Step(
            "Send one home: `tab` leads to the next panel; among the members, `x` stops the one under the cursor.",
            _lost_one,
        ),
        Step(
            "And if not everybody is to stop each time? Start a group with `o` whose assignor is *cooperative-sticky*, "
            "or whose group protocol is *consumer*, and add members with `c`: `3`, then `v`, tells what stood still."
        ),
    ),
    records_that_flow,
)


# Several groups ----------------------------------------------------------------------------------------------


def _reads_for_itself(before: Moment, now: Moment) -> str:
    known = {group.group_id for group in before.world.groups if group.members}
    fresh = (group for group in now.world.groups if group.group_id not in known)
    group = next((each for each in fresh if settled(each) and each.members), None)
    if group is None:
        return ""
    return (
        f"{named(group.group_id)} begins where auto.offset.reset says (here at the first record; Kafka's default: the "
        "end), and gets every record from there, whoever else reads. Offsets belong to a group, not to the topic."
    )


GROUPS = Lesson(
    "Every group gets everything",
    "Groups do not share with each other: each of them reads every record, from wherever it stands.",
    (
        Step("`o` `enter` starts a consumer in a group of its own.", _reads_for_itself),
        Step(
            "`m` shows under each lane how far every group has come, `m` again hides it. `{{` and `}}` choose the "
            "group whose members are shown."
        ),
    ),
    records_that_flow,
)


# Pace --------------------------------------------------------------------------------------------------------


def _falls_behind(before: Moment, now: Moment) -> str:
    waiting = unread(now)
    paces = {each.name: each.processing_ms for each in before.world.consumers}
    slower = any(each.processing_ms > paces.get(each.name, each.processing_ms) for each in now.world.consumers)
    if not slower or waiting < unread(before) + _MANY:
        return ""
    return (
        f"{plural(waiting, 'record')} wait to be read: the group lags. The producers do not notice. Between them and "
        "the consumers is the log, and it keeps what is sent, whether anybody reads or not."
    )


def _catches_up(before: Moment, now: Moment) -> str:
    waiting = unread(now)
    if waiting >= max(_MANY, unread(before) // 2):
        return ""
    return (
        "It reads faster than they send, until the lag is gone. A group that was away for a day does just the same, as "
        "long as retention keeps what it has not read."
    )


def _fails_to_write(before: Moment, now: Moment) -> str:
    gone = [each for each in now.world.producers if each.state is not ClientState.RUNNING]
    if not gone or len(gone) <= sum(each.state is not ClientState.RUNNING for each in before.world.producers):
        return ""
    return "Nor do consumers mind: they wait at the end of the log, and go on with the next record, whoever sends it."


def _writes_again(before: Moment, now: Moment) -> str:
    gone = sum(each.state is not ClientState.RUNNING for each in now.world.producers)
    if gone >= sum(each.state is not ClientState.RUNNING for each in before.world.producers):
        return ""
    return "Neither side knows the other. That is why either can be slow, or away, or be rewritten by another team."


PACE = Lesson(
    "Each at its own pace",
    "Producers and consumers are decoupled: the log between them keeps records, and each side goes as fast as it can.",
    (
        Step("Make a consumer slow: `tab` to the members, and `-` six times. Watch its lag.", _falls_behind),
        Step("And fast again: `+` six times.", _catches_up),
        Step("Now the other side: `shift+tab` back to the producers, `z` lets one rest.", _fails_to_write),
        Step("`z` again: it goes on.", _writes_again),
        Step(
            "And if a group is away for longer than records are kept? `i` sets *retention.ms*, say to 30s: the offset "
            "it has committed is gone when it comes back, and its *auto.offset.reset* says where it begins."
        ),
    ),
    records_that_flow,
)


# Offsets -----------------------------------------------------------------------------------------------------


def _falls_silent(before: Moment, now: Moment) -> str:
    name, groups = crashed(before, now), same_group(before, now)
    if not name or groups is None or not owned_by(groups[0], name):
        return ""
    return (
        f"{named(name)} is gone without a word. Its heart has stopped; until its session has run out, nobody reads its "
        f"{plural(owned_by(groups[0], name), 'partition')}, and records wait there."
    )


def _is_dropped(before: Moment, now: Moment) -> str:
    group = now.group
    if group is None or not settled(group):
        return ""
    members = {member.client_id for member in group.members}
    ours = [each for each in now.world.consumers if each.group_id == group.group_id]
    dead = [each for each in ours if each.state is ClientState.CRASHED]
    if not dead or any(each.name in members for each in dead):
        return ""
    count = again(now, group.group_id)
    figure = f" {plural(count, 'record')} so far, says the ledger (`4`)." if count else ""
    return (
        "Its partitions went to others, who began at the *committed* offsets: what it had read since its last commit "
        f"was delivered again.{figure} At least once, that is called."
    )


def _is_back(before: Moment, now: Moment) -> str:
    was = {each.name for each in before.world.consumers if each.state is ClientState.CRASHED}
    group = now.group
    back = [each for each in now.world.consumers if each.name in was and each.state is ClientState.RUNNING]
    members = {member.member_id for member in group.members} if group else set()
    if not any(each.member_id in members for each in back) or not settled(group):
        return ""
    return (
        "To its group it is a new member, and it asks the group where to begin: the commits are kept by the brokers, "
        "in a topic of their own (`2`, then `]`), not by consumers."
    )


def _was_rewound(before: Moment, now: Moment) -> str:
    if not put_back(before, now):
        return ""
    return (
        "Nothing in the log has changed, only a number of the group. To read again, to skip, to go back to yesterday: "
        "in Kafka it is all moving an offset."
    )


OFFSETS = Lesson(
    "Offsets, and what a crash repeats",
    "A group commits how far it has come in each partition; after a crash whoever takes over resumes there.",
    (
        Step(
            "The group commits for each partition the offset it will read next, by default every 5 s. Crash a consumer "
            "in between: `tab` to the members, `X` on one that has partitions.",
            _falls_silent,
        ),
        Step("Its session lasts 10 s (Kafka's default: 45). Wait, or let time run faster: `>` `>`.", _is_dropped),
        Step(
            "`<` `<` brings back the usual pace. `G` goes to the last in the list: there `r` starts it again.",
            _is_back,
        ),
        Step(
            "Now move offsets by hand: `s` puts a cursor where the group stands in a partition, `g` takes it to the "
            "first record, `enter` moves the group there, `u` takes that back, `escape` leaves.",
            _was_rewound,
        ),
        Step(
            "And if it does not crash, but hangs (`w`), or loses its heartbeats (`b`)? The one keeps its partitions "
            "for as long as *max.poll.interval.ms*; the other works on, while somebody else reads the same records."
        ),
    ),
    records_that_flow,
)
