"""A request or an answer on one line, for whoever watches a client."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from engine.errors import ErrorCode
from engine.wire.codec import Message
from engine.wire.topics import named

Names = Mapping[bytes, str]
"""Topics by their ids."""

_ERRORS = {int(code): code.name for code in ErrorCode}
_LONGEST = 240
_MOST = 6
_IMPLIED: tuple[Any, ...] = ("", b"", bytes(16), [], ())
"""What is not worth saying, besides None and False."""
_NOTHING_BY = {
    "error_code": 0,
    "throttle_time": 0,
    "replica_id": -1,
    "replica_epoch": -1,
    "current_leader_epoch": -1,
    "last_fetched_epoch": -1,
    "committed_leader_epoch": -1,
    "leader_epoch": -1,
    "log_start_offset": -1,
    "high_watermark": (1 << 63) - 1,
    "session_id": 0,
}
"""Which numbers are not, in which fields."""


def line(said: Any, names: Names) -> str:
    """The fields that say something, by kio's names, and topics by theirs; what has a `line` of its own gives that."""
    match said:
        case Message() | Mapping():
            text = _fields(_contents(said), names)
        case str():
            text = said
        case _:
            text = said.line(names)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _contents(said: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    return said if isinstance(said, Mapping) else {k: v for k, v in vars(said).items() if k != "_name"}


def _fields(fields: Mapping[str, Any], names: Names) -> str:
    said = ((name, _value(name, value, names)) for name, value in fields.items() if not _is_implied(name, value))
    return " ".join(f"{name.removesuffix('_id') if name == 'topic_id' else name}={text}" for name, text in said if text)


def _is_implied(name: str, value: Any) -> bool:
    return value is None or value is False or value in _IMPLIED or _NOTHING_BY.get(name) == value


def _value(name: str, value: Any, names: Names) -> str:
    if name.endswith("error_code") or isinstance(value, IntEnum):
        return value.name if isinstance(value, IntEnum) else _ERRORS.get(value, str(value))
    match value:
        case bytes() | bytearray() | memoryview():
            is_id = len(value) == 16 and name.endswith("id")
            return named(bytes(value), names) if is_id else f"{len(value):,} bytes"
        case list() | tuple():
            shown = ", ".join(_value(name, each, names) for each in value[:_MOST])
            more = f" and {len(value) - _MOST} more" if len(value) > _MOST else ""
            return f"[{shown}{more}]"
        case Message() | Mapping():
            text = _fields(_contents(value), names)
            return f"({text})" if text else ""
        case _:
            return str(value)
