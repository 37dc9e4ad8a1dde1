"""From a code to its exception."""

from __future__ import annotations

from engine.errors.base import BY_CODE, KafkaError, UnknownServerError
from engine.errors.coordinators import MemberIdRequiredError


def error_for(code: int, message: str = "") -> KafkaError:
    """The exception for an error code other than 0; an unknown code becomes UnknownServerError."""
    cls = BY_CODE.get(code, UnknownServerError)
    if cls is MemberIdRequiredError:
        return MemberIdRequiredError(message)
    return cls(message)
