"""ApiVersions 0 to 4: what is served, in which versions (KIP-35), and who asks (KIP-511).

A version beyond these is answered in version 0 with UNSUPPORTED_VERSION, so that a newer client can step down. No
feature is finalized, so transactions are those of transaction.version 1.
"""

from __future__ import annotations

import re
from typing import Any

from engine.errors import ErrorCode, InvalidRequestError, KafkaError
from engine.wire import codec
from engine.wire.context import Context
from engine.wire.primitives import Buffer, Reader

NAME, KEY, VERSIONS, ANY_VERSION, BEFORE_AUTHENTICATION = "ApiVersions", 18, (0, 4), True, True

_LEGAL = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?\Z")


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The table of what is served."""
    if context.version > VERSIONS[1]:
        return {"error_code": ErrorCode.UNSUPPORTED_VERSION, "api_keys": _own_range(context)}
    if context.version >= 3:
        named = request.client_software_name, request.client_software_version
        if not all(map(_LEGAL.match, named)):
            raise InvalidRequestError("The client's software name or version has characters that Kafka refuses.")
        context.connection.introduced(software=named[0], version=named[1])
    return {
        "api_keys": [
            {"api_key": api.key, "min_version": api.first, "max_version": api.last}
            for api in sorted(context.port.apis.values(), key=lambda api: api.key)
        ],
    }


def _own_range(context: Context) -> list[dict[str, int]]:
    return [{"api_key": KEY, "min_version": VERSIONS[0], "max_version": VERSIONS[1]}]


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """No table."""
    return {"error_code": error.code, "api_keys": []}


def read(reader: Reader, version: int) -> Any:
    """The request; nothing of one in a version that is not known."""
    if version > VERSIONS[1]:
        return None
    if version >= 3:
        reader.skip_tags()
    return codec.decoder(KEY, version, VERSIONS[1])(reader)


def write(answer: Any, version: int) -> list[Buffer]:
    """The answer, whose header has no tagged fields in any version, for the client does not know ours yet."""
    return [codec.encoder(KEY, version if version <= VERSIONS[1] else 0)(answer)]
