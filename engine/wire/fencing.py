"""How a producer is told that another took its place: PRODUCER_FENCED, or what older versions know (KIP-588)."""

from __future__ import annotations

from engine.errors import ErrorCode


def fenced_code(error: ErrorCode, version: int, since: int) -> ErrorCode:
    """The error as a client of that version understands it; PRODUCER_FENCED came with version `since`."""
    if error is ErrorCode.PRODUCER_FENCED and version < since:
        return ErrorCode.INVALID_PRODUCER_EPOCH
    return error
