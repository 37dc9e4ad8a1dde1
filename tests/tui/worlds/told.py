"""What happened in a world."""

from __future__ import annotations

from engine.events import Event, MemberJoined, MemberLeft, RebalanceCompleted, RebalanceStarted, Told, Tone
from engine.snapshot import ClientState, World
from tests.tui.worlds.parts import BEGAN


def events(of: World) -> tuple[Event, ...]:
    """What happened in a world, told by its groups' history and a few words more, oldest first."""
    told: list[Event] = [
        Told(at_ms=BEGAN + 200, subject=each.name, text=f"Topic {each.name} was made with {len(each.partitions)} "
             f"partitions on 3 brokers.", how=Tone.GOOD)
        for each in of.topics if not each.internal
    ]  # fmt: skip
    told += [
        Told(at_ms=BEGAN + 400, subject=each.name, text=f"{each.name} sends {each.rate:g} records/s to {each.topic}.")
        for each in of.producers
    ]
    for each in of.groups:
        for past in each.rebalances:
            for size, name in enumerate(past.joined, start=past.to_generation - 1):
                told.append(MemberJoined(at_ms=past.began_ms, subject=each.group_id, member=name, size=max(size, 1)))
            told.append(
                RebalanceStarted(
                    at_ms=past.began_ms + 1, subject=each.group_id, cause=past.cause, generation=past.from_generation,
                    cooperative=past.cooperative, assignor=past.assignor, members=len(each.members),
                    protocol=past.protocol,
                )
            )  # fmt: skip
            if past.ended_ms is not None:
                told.append(RebalanceCompleted(at_ms=past.ended_ms, subject=each.group_id, rebalance=past))
    told += [
        MemberLeft(at_ms=of.now_ms - 90_000, subject=each.group_id, member=each.name,
                   why="its session of 10.0 s ran out", expected=False)
        for each in of.consumers if each.state is ClientState.CRASHED
    ]  # fmt: skip
    return tuple(sorted(told, key=lambda event: event.at_ms))
