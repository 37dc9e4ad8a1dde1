"""Which pictures there are: a world, the keys that lead to the picture, and what the fake answers on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.cluster.offsets import OffsetChange, OffsetPlan
from engine.types import TopicPartition
from tests.tui import journeys, worlds
from tests.tui.journeys import FakeTrace
from tests.tui.plans import planner


def plan_back(group_id: str, target: object, partitions: object = None) -> OffsetPlan:
    """A plan that moves `orders-0` eight records back."""
    tp = TopicPartition("orders", 0)
    return OffsetPlan(group_id, (OffsetChange(tp, 12_291, 12_283, 33, 0, "billing-1"),), "members")


@dataclass(frozen=True)
class Shot:
    """One picture, named after its file."""

    name: str
    world: str
    keys: tuple[str, ...] = ()
    answers: dict[str, Any] = field(default_factory=dict)


SCENES = (
    *(Shot(f"lab-{world}", world) for world in ("empty", "first", "busy", "crowd", "crashed", "torn", "hostile")),
    Shot("lab-reconciling", "reconciling"),
    Shot("lab-billing-of-crowd", "crowd", ("]",)),
    Shot("lab-member", "first", ("right", "right", "down")),
    Shot("lab-groups", "busy", ("right", "m")),
    Shot("lab-whole-logs", "busy", ("f",)),
    Shot("lab-details", "busy", ("right", "right", "enter")),
    Shot("lab-partition", "torn", ("right", "d")),
    Shot("lab-scrub", "first", ("right", "s", *("left",) * 3, "pageup"), {"offsets.plan": planner(worlds.first())}),
    Shot("moments", "kept", ("backspace", "down")),
    Shot("moments-none", "first", ("backspace",)),
    *(Shot(f"records-{world}", world, ("2",)) for world in ("empty", "first", "busy", "hostile")),
    Shot("records-one", "first", ("2", "up", "up", "up", "enter", "pagedown")),
    Shot("records-standing", "busy", ("2", "m")),
    Shot("records-merged", "busy", ("2", "left")),
    Shot("records-commits", "first", ("2", "]")),
    Shot("records-filter", "first", ("2", "/", *"city key:customer-1", "enter", "up")),
    Shot("records-no-filter", "first", ("2", "/", *"ofset:>=3")),
    Shot("records-go-to", "first", ("2", "t", *"bil")),
    Shot("records-scrub", "first", ("2", "m", "s", *("up",) * 8), {"offsets.plan": plan_back}),
    Shot("records-hex", "first", ("2", "up", "v", "v", "enter")),
    *(
        Shot(f"groups-{world}", world, ("3",))
        for world in ("empty", "first", "busy", "crowd", "hostile", "reconciling")
    ),
    Shot("groups-folded", "busy", ("3", "tab", "tab")),
    Shot("rebalance", "busy", ("3", "tab", "tab", "down", "enter")),
    Shot("rebalance-consumer", "reconciling", ("3", "tab", "tab", "down", "enter")),
    Shot("rebalance-crash", "crashed", ("3", "v")),
    Shot("move-offsets", "first", ("3", "s"), {"offsets.plan": planner(worlds.first())}),
    Shot("move-offsets-empty", "busy", ("3", "{", "s", "right"), {"offsets.plan": planner(worlds.busy())}),
    Shot("move-offsets-refused", "busy", ("3", "s"), {"offsets.plan": planner(worlds.busy())}),
    Shot("delete-group", "busy", ("3", "shift+tab", "G", "D")),
    *(Shot(f"brokers-{world}", world, ("4",)) for world in ("broken", "moving", "lossy")),
    Shot("move-copies", "moving", ("4", "tab", "m")),
    Shot("unclean-election", "moving", ("4", "tab", "down", "down", "V")),
    Shot("way-begins", "broken", ("y", "enter"), {"trace": FakeTrace(journeys.handed())}),
    Shot("way-acknowledged", "broken", ("4", "y", "enter"), {"trace": FakeTrace(journeys.acknowledged())}),
    Shot("way-lost", "broken", ("4", "y", "enter"), {"trace": FakeTrace(journeys.lost())}),
    Shot("follow-one", "first", ("y",)),
    Shot("ledger", "lossy", ("4", "tab", "tab")),
    Shot("ledger-group", "lossy", ("4", "tab", "tab", "down", "down", "down")),
    Shot("transactions", "transacting", ("6",)),
    Shot("transactions-empty", "first", ("6",)),
    Shot("lab-transacting", "transacting", ("]", "right")),
    Shot("clients", "visited", ("0",)),
    Shot("clients-paused", "paused", ("0",)),
    Shot("open-to-clients", "first", ("0",)),
    Shot("open-to-network", "first", ("0", *("backspace",) * 9, *"0.0.0.0")),
    Shot("how-to-connect", "visited", ("0", "v")),
    Shot("how-to-connect-java", "visited", ("0", "v", "right", "right")),
    Shot("lab-visited", "visited", ("right", "right", "down", "down")),
    Shot("lab-outsider", "visited", ("right", "right", "down", "down", "enter")),
    Shot("groups-visited", "visited", ("3",)),
    Shot("new-topic", "first", ("n",)),
    Shot("new-producer", "first", ("p",)),
    Shot("new-producer-transactional", "first", ("p", *("tab",) * 7, *"till", "tab", "tab")),
    Shot("new-consumer", "first", ("c",)),
    Shot("new-consumer-protocol", "reconciling", ("c",)),
    Shot("new-group", "busy", ("o",)),
    Shot("one-record", "first", ("e",)),
    Shot("grow-topic", "first", ("a",)),
    Shot("topic-settings", "busy", ("i",)),
    Shot("delete-topic", "busy", ("K",)),
    Shot("refused", "first", ("n", *("backspace",) * 8, *"or ders", "enter")),
    Shot("help", "first", ("?",)),
    Shot("words", "first", ("?", "w")),
    Shot("lessons", "first", ("5", "down", "down")),
    Shot("lesson-to-do", "first", ("5", "G", "up", "up", "up", "enter")),
    Shot("lesson-done", "first", ("5", "enter", "e", "enter")),
    Shot("lesson-lacking", "empty", ("5", "enter")),
    Shot("palette", "first", ("ctrl+p",)),
)
