"""How a group's leader shares out partitions: Kafka's four assignors, by the names a consumer asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.groups.assignors.base import Assignor, MemberSubscription
from engine.groups.assignors.cooperative_sticky import CooperativeStickyAssignor
from engine.groups.assignors.range import RangeAssignor
from engine.groups.assignors.roundrobin import RoundRobinAssignor
from engine.groups.assignors.sticky import StickyAssignor

__all__ = ["ASSIGNORS", "Assignor", "MemberSubscription"]

ASSIGNORS: Mapping[str, Assignor] = MappingProxyType(
    {
        assignor.name: assignor
        for assignor in (RangeAssignor(), RoundRobinAssignor(), StickyAssignor(), CooperativeStickyAssignor())
    }
)
