"""A request or an answer on one line, for whoever watches a connection."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from engine.errors import ErrorCode
from engine.wire.codec import Message
from engine.wire.topics import named

_ERRORS = {int(code): code.name for code in ErrorCode}
_LONGEST = 240
_MOST = 6
_IMPLIED: tuple[Any, ...] = (None, "", b"", bytes(16), [], (), False)
"""What is not worth saying."""


def line(said: Any) -> str:
    """The fields that say something, by kio's names; what has a line of its own gives that."""
    text = _fields(_contents(said)) if isinstance(said, Message | Mapping) else str(said)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _contents(said: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {k: v for k, v in vars(said).items() if k != "_name"}


def _fields(fields: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={_value(name, value)}"
        for name, value in fields.items()
        if not any(value is nothing or value == nothing for nothing in _IMPLIED)
        and not (value == 0 and name in ("error_code", "throttle_time"))
    )


def _value(name: str, value: Any) -> str:
    if name.endswith("error_code") or isinstance(value, IntEnum):
        return value.name if isinstance(value, IntEnum) else _ERRORS.get(value, str(value))
    match value:
        case bytes() | bytearray() | memoryview():
            return named(bytes(value)) if len(value) == 16 and name.endswith("id") else f"{len(value):,} bytes"
        case list() | tuple():
            shown = ", ".join(_value(name, each) for each in value[:_MOST])
            more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
            return f"[{shown}{more}]"
        case Message() | Mapping():
            return f"({_fields(_contents(value))})"
        case _:
            return str(value)
