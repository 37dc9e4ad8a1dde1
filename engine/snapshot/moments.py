"""Moments of a lab: instants to which its world can be put back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MomentView:
    """One that is kept; `number` names it."""

    number: int
    at_ms: float
    """Lab time."""
    label: str
    """What it was kept for, in words."""
    automatic: bool
    """Whether it makes room by itself when others are kept."""
    written: int
    """Records ever written to the topics there were, internal ones apart."""
    size_bytes: int
