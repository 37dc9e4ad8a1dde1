"""What every request is, and what becomes of one thing among several that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, Self, TypeVar

from engine.errors import ErrorCode, KafkaError

R_co = TypeVar("R_co", covariant=True)


class Request(Generic[R_co]):
    """Something a broker answers with an `R_co`."""

    __slots__ = ()


class IsolationLevel(IntEnum):
    """How far a consumer reads: to the high watermark, or to the last stable offset without aborted records."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one of several things went: well, or with Kafka's code and a sentence."""

    error: ErrorCode = ErrorCode.NONE
    message: str = ""

    @classmethod
    def of(cls, error: KafkaError) -> Self:
        """What an error comes to."""
        return cls(error.code, str(error))


DONE = Outcome()
"""It went well."""
