"""What stands before every request (`RequestHeader`)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from engine.wire.primitives import Reader

_HEAD = struct.Struct(">hhi")


class RequestHeader(NamedTuple):
    """Which API in which version, and the number that ties the answer to it."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str


def read_header(reader: Reader) -> RequestHeader:
    """The header, but for the tagged fields that end it in flexible versions."""
    key, version, correlation = reader.fixed(_HEAD)
    return RequestHeader(key, version, correlation, reader.string() or "")  # type: ignore[arg-type]
