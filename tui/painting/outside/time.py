"""What lab time means to clients from outside, whose own clocks go on as ever."""

from __future__ import annotations

from collections.abc import Iterator

from engine.snapshot import MemberView, World
from engine.wording import plural
from tui.painting.outside.sign import is_outside
from tui.painting.text import countdown, speed

SESSION_S, HEARTBEAT_S, POLL_S, REQUEST_S = 45.0, 3.0, 0.5, 30.0
"""Kafka's defaults of session.timeout.ms, heartbeat.interval.ms, fetch.max.wait.ms, request.timeout.ms."""


def outsiders(world: World) -> Iterator[MemberView]:
    """Members of any group that are not of this lab."""
    return (member for group in world.groups for member in group.members if is_outside(member))


def meaning_of_time(world: World) -> str:
    """A sentence or two while the lab lets clients in and its time is not theirs; else empty."""
    if world.listening is None or (world.speed == 1 and not world.paused):
        return ""
    if world.paused:
        return (
            "The lab stands still, clients outside do not. What needs no time is answered; sessions, joins and polls "
            f"wait. Their own timeouts go on: after {REQUEST_S:.0f} s (request.timeout.ms) a request is given up."
        )
    pace = world.speed
    session, poll = _seconds(SESSION_S / pace), _seconds(POLL_S / pace)
    theirs = f"A session of {SESSION_S:.0f} s ends after {session} of theirs without a heartbeat"
    if pace < 1:
        late = ", longer than they wait for an answer" if POLL_S / pace > REQUEST_S else ""
        return f"The lab goes at {speed(pace)}, clients outside do not. {theirs}; a long poll takes {poll}{late}."
    short = [member for member in outsiders(world) if member.session_timeout_ms / 1000 / pace <= HEARTBEAT_S]
    lost = (
        f" Too fast for {plural(len(short), 'member')}: dropped between two heartbeats, {HEARTBEAT_S:.0f} s apart."
        if short
        else f" From {speed(round(SESSION_S / HEARTBEAT_S))} on, heartbeats {HEARTBEAT_S:.0f} s apart come too late."
    )
    return f"The lab goes at {speed(pace)}, clients outside do not. {theirs}.{lost}"


def _seconds(seconds: float) -> str:
    return countdown(seconds * 1000) if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def notices(world: World) -> tuple[str, ...]:
    """What somebody who lets clients in should know just now."""
    listening = world.listening
    if listening is None:
        return ()
    found = []
    if listening.beyond_loopback and not listening.security.startswith("SASL"):
        found.append(
            "Not this machine alone can connect: whoever reaches it over the network can read, write and delete "
            "everything in this lab, without a password."
        )
    closed = [f"broker {each.broker_id}" for each in listening.addresses if not each.open]
    if closed:
        found.append(f"Down, and its port closed until it is back: {', '.join(closed)}.")
    meaning = meaning_of_time(world)
    return (*found, meaning) if meaning else tuple(found)
