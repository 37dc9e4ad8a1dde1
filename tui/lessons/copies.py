"""Lessons about copies: leaders and followers, a broker that dies, and what an acknowledgement is worth."""

from __future__ import annotations

from engine.wording import plural
from tui.lessons.lesson import Lesson, Moment, Step, copies, named
from tui.lessons.seeing import book, down

# A broker ----------------------------------------------------------------------------------------------------


def _shows_copies(before: Moment, now: Moment) -> str:
    if now.mode != "brokers":
        return ""
    count = now.topic.replication_factor if now.topic else 0
    return (
        f"{plural(count, 'copy', 'copies')} of each partition. ★ leads: producers write to it, consumers read from "
        "it. The others follow, copying what it has; those that keep up are in sync (●), and may lead next."
    )


def _has_died(before: Moment, now: Moment) -> str:
    dead = [each for each in down(now) if each not in down(before)]
    if not dead:
        return ""
    return (
        f"Broker {dead[0]} told nobody. Until its session has run out it counts as alive: what it leads, nobody can "
        "write or read. Producers keep their records and try again."
    )


def _was_replaced(before: Moment, now: Moment) -> str:
    dead, topic = down(now), now.topic
    if not dead or topic is None or any(log.leader in dead or log.leader is None for log in topic.partitions):
        return ""
    return (
        "The controller noticed, and let a copy in sync lead each of its partitions, in a new *epoch*. It has all that "
        "was acknowledged to acks=all, so nothing is lost: the ledger below has counted."
    )


def _is_in_sync(before: Moment, now: Moment) -> str:
    topic = now.topic
    if down(now) or topic is None or any(len(log.isr) < len(log.replicas) for log in topic.partitions):
        return ""
    return (
        "It cut off what the new leaders never had, copied what it missed, and is in sync again. Leadership "
        "comes back to it within five minutes, or at once with `v`."
    )


BROKERS = Lesson(
    "A broker dies",
    "Partitions have copies on several brokers: a leader, and followers in sync, one of which leads when it dies.",
    (
        Step("`4` shows where every copy of every partition lies.", _shows_copies),
        Step("`X` crashes the broker under the cursor.", _has_died),
        Step("Wait until it is noticed, or let time run: `>` `>`.", _was_replaced),
        Step("`<` `<`, and `r` starts it again.", _is_in_sync),
        Step(
            "And if it is only slow (`b`)? Then acks=all waits for it. Or cut off from the other brokers (`w`)? "
            "It goes on as leader for whoever reaches it, and what it takes with acks=1 is lost when the line is "
            "healed."
        ),
    ),
    copies,
)


# Acknowledgements --------------------------------------------------------------------------------------------


def _was_lost(before: Moment, now: Moment) -> str:
    then, later = book(before, "1"), book(now, "1")
    if later is None or later.lost_acked <= (then.lost_acked if then else 0):
        return ""
    return (
        "Acknowledged, and lost: with acks=1 the leader answers as soon as it has a record itself. Quick, and a bet "
        "that it lives until somebody has copied it. The ledger (`4`) has counted it."
    )


def _was_kept(before: Moment, now: Moment) -> str:
    then, later = book(before, "all"), book(now, "all")
    if later is None or later.acked <= (then.acked if then else 0):
        return ""
    if not _epochs(now) > _epochs(before) or later.lost_acked > (then.lost_acked if then else 0):
        return ""
    return (
        "Acknowledged, and kept: with acks=all the leader answers only when every copy in sync has the record, so "
        "whoever leads next has it, too. It costs the time the slowest of them takes."
    )


def _was_lost_unseen(before: Moment, now: Moment) -> str:
    then, later = book(before, "0"), book(now, "0")
    if later is None or later.lost_unacked <= (then.lost_unacked if then else 0):
        return ""
    return (
        "Lost, and its producer goes on in good faith: with acks=0 it sends and forgets. Nobody answers, so nothing is "
        "sent again. The fastest way, for what one can do without."
    )


def _epochs(moment: Moment) -> int:
    return sum(log.leader_epoch for log in moment.topic.partitions) if moment.topic else 0


def _runs_again(before: Moment, now: Moment) -> str:
    if down(now):
        return ""
    name = named(now.topic.name) if now.topic else "the topic"
    return (
        "One thing more: acks=all asks for every copy *in sync*, and that can be the leader alone. min.insync.replicas "
        f"of {name} (`i`) says how many it must be; with fewer, acks=all is refused."
    )


ACKS = Lesson(
    "What an acknowledgement is worth",
    "acks=0, 1 or all: what a producer waits for, between speed and surviving the death of a leader.",
    (
        Step(
            "Follow one record: `y`, `left` to acks=1, `enter`. Each `enter` is a step; stop when the producer has its "
            "acknowledgement. `X` crashes the leader; `enter`, `>` `>` until another leads; `r` `a`, and `escape`.",
            _was_lost,
        ),
        Step(
            "Now acks=all: `y` `enter`, and `enter` step by step until the acknowledgement is there. Then `X`, `enter` "
            "until another leads, `r` `a`, `escape`.",
            _was_kept,
        ),
        Step(
            "And acks=0: `y`, `left` `left`, `enter`; one more `enter` sends it. `X` crashes the leader, `enter` until "
            "another leads, `r` `a`; once the ledger has counted it, `escape`.",
            _was_lost_unseen,
        ),
        Step("`<` `<` brings back the usual pace.", _runs_again),
    ),
    copies,
)
