"""How partitions are shared out: the four assignors of a group's leader, and the two of the coordinator, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine.groups.assignors.base import Assignor, MemberSubscription
from engine.groups.assignors.cooperative_sticky import CooperativeStickyAssignor
from engine.groups.assignors.range import RangeAssignor
from engine.groups.assignors.roundrobin import RoundRobinAssignor
from engine.groups.assignors.sticky import StickyAssignor
from engine.groups.assignors.uniform import UniformAssignor

__all__ = ["ASSIGNORS", "SERVER_ASSIGNORS", "Assignor", "MemberSubscription"]

ASSIGNORS: Mapping[str, Assignor] = MappingProxyType(
    {
        assignor.name: assignor
        for assignor in (RangeAssignor(), RoundRobinAssignor(), StickyAssignor(), CooperativeStickyAssignor())
    }
)

SERVER_ASSIGNORS: Mapping[str, Assignor] = MappingProxyType(
    {assignor.name: assignor for assignor in (UniformAssignor(), RangeAssignor())}
)
"""Those of the consumer protocol; its range is the same rule as the leader's."""
