"""What every request is."""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, TypeVar

R_co = TypeVar("R_co", covariant=True)


class Request(Generic[R_co]):
    """Something a broker answers with an `R_co`."""

    __slots__ = ()


class IsolationLevel(IntEnum):
    """How far a consumer reads: to the high watermark, or to the last stable offset without aborted records."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1
