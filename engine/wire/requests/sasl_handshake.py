"""SaslHandshake 0 and 1: which mechanism a client will prove itself by (KIP-43).

After version 0 the mechanism's tokens come bare, each behind its length; after version 1 as SaslAuthenticate (KIP-152).
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.wire.context import Context
from engine.wire.sasl import MECHANISMS

NAME, KEY, VERSIONS, BEFORE_AUTHENTICATION = "SaslHandshake", 17, (0, 1), True


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Whether it may, and the mechanisms there are."""
    authentication = context.connection.authentication
    if not authentication.asked_for or authentication.begun:
        return {"error_code": ErrorCode.ILLEGAL_SASL_STATE, "mechanisms": []}
    known = authentication.begin(request.mechanism, bare=context.version == 0)
    error = ErrorCode.NONE if known else ErrorCode.UNSUPPORTED_SASL_MECHANISM
    return {"error_code": error, "mechanisms": list(MECHANISMS)}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """It may not."""
    return {"error_code": error.code, "mechanisms": []}
