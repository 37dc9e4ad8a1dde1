"""How what comes from outside the lab is marked, wherever it is shown."""

from __future__ import annotations

from engine.snapshot import MemberView
from engine.types import INSIDE

OUTSIDE = "⇄"


def is_outside(member: MemberView) -> bool:
    """Whether it came in over the network."""
    return member.host != INSIDE
