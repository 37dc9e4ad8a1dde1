"""One sentence of what a rebalance teaches, chosen by what happened in it."""

from __future__ import annotations

from engine.snapshot import GroupProtocol, Phase, Rebalance
from engine.wording import plural
from tui.painting.groups.saying import names
from tui.painting.text import duration


def lesson_of(rebalance: Rebalance) -> str:
    """What to learn from it."""
    it = rebalance
    if it.ended_ms is None:
        if it.protocol is GroupProtocol.CONSUMER:
            return (
                "It goes on still. Members follow one by one, each with its own heartbeats; all that stays is served."
            )
        return "It goes on still. Until it is over, partitions that were given up are served by nobody."
    if it.moves and not any(move.to for move in it.moves):
        return "Nobody is left: the committed offsets stay, and the next member to join goes on from them."
    if it.protocol is GroupProtocol.CONSUMER:
        return _consumer(it)
    if it.dropped:
        return (
            f"A member that falls silent is noticed only when its time has run out, so what {names(it.dropped)} owned "
            f"stood still for {duration(it.unserved_ms)}. A shorter session.timeout.ms notices sooner, and takes more "
            "pauses for crashes."
        )
    if it.from_generation == 0 or not any(move.from_ for move in it.moves):
        return (
            "From Empty a group waits group.initial.rebalance.delay.ms first (3 s by Kafka's default), so that members "
            "that start together share one rebalance instead of causing one each."
        )
    if it.cooperative:
        return _cooperative(it)
    slow = _slow_join(it)
    if slow:
        return slow
    stayed = len(it.moves) - len(it.moved)
    if stayed:
        stopped = f"for {duration(it.unserved_ms)}" if it.unserved_ms >= 1 else "for a moment"
        return (
            f"Eager: all {plural(len(it.moves), 'partition')} stood still {stopped}, though only "
            f"{len(it.moved)} changed hands. cooperative-sticky lets the others go on."
        )
    if it.left:
        return (
            f"{names(it.left)} said goodbye (LeaveGroup), so the others began at once; after a crash they would have "
            "waited for its session to run out."
        )
    return "Eager: everybody gives back everything before anybody is given anything, so all partitions stand still."


def _consumer(it: Rebalance) -> str:
    stayed = len(it.moves) - len(it.moved)
    if it.dropped:
        return (
            f"A member that falls silent is noticed only when its session has run out, so what {names(it.dropped)} "
            f"owned stood still for {duration(it.unserved_ms)}. All others read on: the consumer protocol knows no "
            "rejoining."
        )
    if it.from_generation == 0 or not any(move.from_ for move in it.moves):
        return (
            "Consumer protocol: the first heartbeat brings the first partitions; nobody waits for more members. "
            "Classic: an empty group waits group.initial.rebalance.delay.ms."
        )
    if not it.moved:
        return "Consumer protocol: the epoch grew and nothing had to move, so nobody noticed but by its next heartbeat."
    if not stayed:
        return "Consumer protocol: everything moved, partition by partition, each as soon as its owner had given it up."
    how = f"for {duration(it.unserved_ms)} at most" if it.unserved_ms >= 1 else "for no time at all"
    return (
        f"Consumer protocol: only what moves stops. {plural(len(it.moved), 'partition')} stood still {how}, the other "
        f"{stayed} not at all. Classic: everyone stops, for as long as the slowest member takes to rejoin."
    )


def _cooperative(it: Rebalance) -> str:
    given_up = [move for move in it.moved if move.from_ and not move.to]
    if given_up:
        one = len(given_up) == 1
        return (
            f"Cooperative takes two steps: in this one {plural(len(given_up), 'partition')} {'was' if one else 'were'} "
            f"given up, and the next gives {'it to its new owner' if one else 'them to their new owners'}. What stays "
            "never stops."
        )
    if not it.moved:
        return "Cooperative: nobody had to give anything up, so no partition stood still."
    if it.unserved_ms < 1:
        return "Cooperative: only what had no owner was given out, and nothing else was touched."
    moved = "partition" if len(it.moved) == 1 else f"{len(it.moved)} partitions"
    return (
        f"Cooperative: only the {moved} that moved stood still; the other {len(it.moves) - len(it.moved)} were served "
        "all the while."
    )


def _slow_join(it: Rebalance) -> str:
    """When most of the time went by waiting for members: they rejoin only when they poll."""
    assert it.ended_ms is not None
    whole = it.ended_ms - it.began_ms
    waits = [phase for phase in it.phases if phase.name == "PreparingRebalance"]
    waited = sum(map(_length, waits))
    if whole < 2_000 or waited < whole * 0.6:
        return ""
    return (
        f"{duration(waited)} of {duration(whole)} went by waiting for everybody to rejoin. A member rejoins only when "
        "it polls, so one slow poll stops the whole group; smaller max.poll.records shortens it."
    )


def _length(phase: Phase) -> float:
    return (phase.ended_ms or phase.began_ms) - phase.began_ms
