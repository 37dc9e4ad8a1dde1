"""SaslAuthenticate 0 to 2: the tokens of a mechanism, back and forth (KIP-152).

A proof holds as long as the connection does: nobody is asked to prove himself again (KIP-368).
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.wire.context import Context
from engine.wire.sasl import Unproven

NAME, KEY, VERSIONS, BEFORE_AUTHENTICATION = "SaslAuthenticate", 36, (0, 2), True


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The next token; who fails is told so and disconnected."""
    connection = context.connection
    authentication = connection.authentication
    if not authentication.begun or authentication.done:
        connection.close_after_answer("it authenticated out of turn")
        return _failed(ErrorCode.ILLEGAL_SASL_STATE, "SaslAuthenticate comes after SaslHandshake, and once.")
    try:
        token = authentication.answer(request.auth_bytes)
    except Unproven as error:
        connection.close_after_answer("it did not prove who it is")
        return _failed(ErrorCode.SASL_AUTHENTICATION_FAILED, str(error))
    if authentication.done:
        connection.proven()
    return {"error_message": None, "auth_bytes": token, "session_lifetime": 0}


def _failed(error: ErrorCode, message: str) -> dict[str, Any]:
    return {"error_code": error, "error_message": message, "auth_bytes": b"", "session_lifetime": 0}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """No proof."""
    return _failed(error.code, str(error))
