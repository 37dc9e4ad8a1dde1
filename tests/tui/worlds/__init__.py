"""Sample worlds for painting tests and pictures, built from plain figures."""

from __future__ import annotations

from tests.tui.worlds.brokers import broken, lossy, moving, torn
from tests.tui.worlds.groups import busy, crashed, reconciling
from tests.tui.worlds.moments import kept
from tests.tui.worlds.names import HOSTILE, hostile
from tests.tui.worlds.outside import connection, listening, paused, visited
from tests.tui.worlds.parts import (
    BEGAN,
    NOW,
    consumer,
    copied,
    flow,
    group,
    internal,
    member,
    on_three,
    partition,
    producer,
    rebalance,
    standing,
    topic,
    tps,
    world,
)
from tests.tui.worlds.plain import ENDS, crowd, empty, first
from tests.tui.worlds.told import events
from tests.tui.worlds.transactions import transacting

WORLDS = {
    "empty": empty, "first": first, "busy": busy, "hostile": hostile, "crowd": crowd, "crashed": crashed,
    "torn": torn, "lossy": lossy, "broken": broken, "moving": moving,
    "visited": visited, "paused": paused, "kept": kept,
    "reconciling": reconciling, "transacting": transacting,
}  # fmt: skip

__all__ = [
    "BEGAN",
    "ENDS",
    "HOSTILE",
    "NOW",
    "WORLDS",
    "broken",
    "busy",
    "connection",
    "consumer",
    "copied",
    "crashed",
    "crowd",
    "empty",
    "events",
    "first",
    "flow",
    "group",
    "hostile",
    "internal",
    "kept",
    "listening",
    "lossy",
    "member",
    "moving",
    "on_three",
    "partition",
    "paused",
    "producer",
    "rebalance",
    "reconciling",
    "standing",
    "topic",
    "torn",
    "tps",
    "transacting",
    "visited",
    "world",
]
