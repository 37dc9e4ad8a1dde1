"""What a message of one version consists of, taken from kio's dataclasses, which are generated from Kafka's own files.

Field names are kio's. Times are ms, error codes their numbers, uuids 16 bytes: this is what request files see.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import timedelta
from enum import IntEnum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

from kio.index import load_request_schema, load_response_schema

from engine.wire.primitives import ZERO_UUID

FIXED = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "float64": "d",
    "uuid": "16s",
    "error_code": "h",
    "timedelta_i32": "i",
    "timedelta_i64": "q",
    "datetime_i64": "q",
}
"""How types of fixed width are packed."""

REQUIRED: Any = object()
"""Stands for a default where there is none."""

_EMPTY = {"string": "", "bytes": b"", "records": b"", "bool": False, "uuid": ZERO_UUID}
_NEVER_NULL = ("datetime_i64", "uuid")
"""What kio takes for null is a value of its own: -1, zeros."""
_ASSUMED = {"throttle_time": 0, "error_code": 0}


@dataclass(frozen=True)
class Field:
    """One field. `kind` is kio's name of a primitive, or empty where `of` is the struct it holds."""

    name: str
    kind: str
    of: Struct | None
    array: bool
    nullable: bool
    tag: int | None
    default: Any
    """As request files see it; REQUIRED if there is none."""

    @property
    def implicit(self) -> Any:
        """What Kafka takes for its value in a version that lacks it."""
        if self.default is not REQUIRED:
            return self.default
        if self.nullable:
            return None
        if self.array:
            return []
        return _EMPTY.get(self.kind, 0)

    @property
    def blank(self) -> Any:
        """Its value in a message that says nothing."""
        whole = self.of is not None and not self.array and not self.nullable
        return self.of.blank() if whole and self.of is not None else self.implicit


@dataclass(frozen=True)
class Struct:
    """A message, or a part of one."""

    name: str
    flexible: bool
    fields: tuple[Field, ...]

    def blank(self) -> dict[str, Any]:
        """A message that says nothing."""
        return {field.name: field.blank for field in self.fields if field.tag is None}


@cache
def request(key: int, version: int) -> Struct:
    """The request of an API in a version."""
    return _struct(load_request_schema(key, version))


@cache
def response(key: int, version: int) -> Struct:
    """The response of an API in a version."""
    return _struct(load_response_schema(key, version))


@cache
def _struct(entity: type) -> Struct:
    return Struct(entity.__name__, entity.__flexible__, tuple(map(_field, fields(entity))))  # type: ignore[attr-defined]


def _field(field: Any) -> Field:
    kind = field.metadata.get("kafka_type", "")
    arms = [arm for arm in get_args(field.type) if arm is not NoneType] if _is_union(field.type) else [field.type]
    inner, array = arms[0], get_origin(arms[0]) is tuple
    if array:
        inner = get_args(inner)[0]
    of = None if kind else _struct(inner)
    default = _ASSUMED.get(field.name, REQUIRED) if field.default is MISSING else _plain(field.default, kind)
    nullable = _is_union(field.type) and kind not in _NEVER_NULL
    return Field(field.name, kind, of, array, nullable, field.metadata.get("tag"), default)


def _is_union(annotation: Any) -> bool:
    return NoneType in get_args(annotation)


def _plain(value: Any, kind: str) -> Any:
    """A default of kio's as request files see it."""
    match value:
        case timedelta():
            return round(value.total_seconds() * 1000)
        case UUID():
            return value.bytes
        case IntEnum():
            return int(value)
        case None if kind == "uuid":
            return ZERO_UUID
        case None if kind == "datetime_i64":
            return -1
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name), field.metadata.get("kafka_type", ""))
                    for field in fields(value)}  # fmt: skip
        case int() if not isinstance(value, bool):
            return int(value)
        case _:
            return value
