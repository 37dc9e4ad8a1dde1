"""The lesson about programs of one's own: any Kafka client can use the lab as its cluster."""

from __future__ import annotations

from tui.lessons.lesson import Lesson, Moment, Step, a_topic, named


def _listens(before: Moment, now: Moment) -> str:
    view = now.world.listening
    if view is None:
        return ""
    first = view.addresses[0]
    return (
        f"bootstrap.servers is {named(first.host)}:{first.port}; each broker has a port of its own, closed while it is "
        "down. `v` shows lines to paste for kcat, Python, Java and Kafka's tools."
    )


def _is_connected(before: Moment, now: Moment) -> str:
    view = now.world.listening
    known = [each for each in view.connections if each.software or each.client_id] if view is not None else []
    if not known:
        return ""
    who = named(f"{known[0].software} {known[0].version}".strip() or known[0].client_id)
    return (
        f"{who} is connected: `enter` shows its requests as they pass. As a consumer it stands among the members in "
        "the Lab, marked ⇄. Crash it where it runs, crash a broker under it: all you have seen holds for it, too."
    )


def _is_closed(before: Moment, now: Moment) -> str:
    if now.world.listening is not None:
        return ""
    return (
        "That was the course. What you break next is up to you: `?` says what every key does, and `backspace` puts the "
        "world back to the moment before a crash, to try it another way."
    )


OWN = Lesson(
    "Your own program",
    "The lab speaks Kafka's protocol: point your own service at it, watch it join, fall behind and crash.",
    (
        Step(
            "`0` `enter` opens the lab to programs on this machine, and shows lines to paste; `escape` closes them.",
            _listens,
        ),
        Step("`v`, paste the lines into another terminal, and run them. `escape` closes the page.", _is_connected),
        Step("`x` closes the lab again; `1` is the Lab.", _is_closed),
    ),
    a_topic,
)
