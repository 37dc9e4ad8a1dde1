"""Where a group or a transactional id is coordinated."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from engine.messages.base import Request


class CoordinatorType(IntEnum):
    """What is coordinated (`FindCoordinatorRequest.CoordinatorType`)."""

    GROUP = 0
    TRANSACTION = 1


@dataclass(frozen=True, slots=True)
class FindCoordinatorResponse:
    """The broker that coordinates what was named."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class FindCoordinatorRequest(Request[FindCoordinatorResponse]):
    """Which broker coordinates this group id or transactional id; creates the internal topic on first use."""

    key: str
    key_type: CoordinatorType = CoordinatorType.GROUP
