"""What is served: one file of `requests/` for each kind of request, gathered into one table by API key.

And what those are told who ask for anything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

from kio.index import KioIndexError

from engine.errors import ErrorCode, KafkaError
from engine.wire import codec, schema
from engine.wire.context import Context
from engine.wire.primitives import Buffer, Reader
from engine.wire.requests import MODULES


@dataclass(frozen=True)
class Api:
    """One kind of request, as its file says."""

    name: str
    key: int
    first: int
    last: int
    serve: Callable[[Any, Context], Awaitable[Any]]
    """The answer, as a dict for the encoder (or what the file's own `encode` takes); None for no answer."""
    refused: Callable[[Any, KafkaError, Context], Any]
    """The answer where the request failed as a whole."""
    any_version: bool
    """Whether a version beyond `last` is answered by the file too."""
    before_authentication: bool
    """Whether it is served to a client that has not proven who it is, where the listener asks for that."""
    side_by_side: Callable[[Any], bool]
    """Whether a request need not wait until the one before is answered."""
    read: Callable[[Reader, int], Any] | None = None
    """Set where the file reads its request by itself."""
    write: Callable[[Any, int], list[Buffer]] | None = None
    """Set where the file writes its answer by itself."""

    @classmethod
    def of(cls, module: ModuleType) -> Api:
        """What a request file declares."""
        first, last = module.VERSIONS
        any_version = getattr(module, "ANY_VERSION", False)
        early = getattr(module, "BEFORE_AUTHENTICATION", False)
        side_by_side = getattr(module, "side_by_side", lambda request: False)
        own = (getattr(module, "read", None), getattr(module, "write", None))
        return cls(
            module.NAME, module.KEY, first, last, module.serve, module.refused, any_version, early, side_by_side, *own
        )

    def serves(self, version: int) -> bool:
        """Whether a request of that version is answered by the file."""
        return self.first <= version <= self.last or (self.any_version and version >= 0)

    def decode(self, reader: Reader, version: int) -> Any:
        """The request behind its header; Malformed if it cannot be read."""
        if self.read is not None:
            return self.read(reader, version)
        if schema.request(self.key, version).flexible:
            reader.skip_tags()
        return codec.decoder(self.key, version, self.last)(reader)

    def encode(self, answer: Any, version: int) -> list[Buffer]:
        """The answer's bytes, from its header's tagged fields on."""
        if self.write is not None:
            return self.write(answer, version)
        body = codec.encoder(self.key, version)(answer)
        return [b"\0", body] if schema.response(self.key, version).flexible else [body]


@lru_cache(maxsize=128)
def unserved(key: int, version: int) -> Api | None:
    """What answers UNSUPPORTED_VERSION to a request that Kafka knows and the lab does not serve.

    None where that cannot be said: nobody knows what such an answer looks like, or it has no place for an error.
    """
    try:
        plan = schema.response(key, version)
    except KioIndexError:
        return None
    answer = plan.blank()
    if "error_code" not in answer:
        return None
    answer["error_code"] = ErrorCode.UNSUPPORTED_VERSION
    name = plan.name.removesuffix("Response")

    async def serve(request: Any, context: Context) -> Any:
        return answer

    return Api(
        name,
        key,
        version,
        version,
        serve=serve,
        refused=lambda request, error, context: answer,
        any_version=False,
        before_authentication=False,
        side_by_side=lambda request: False,
        read=lambda reader, version: "not read",
    )


APIS: Mapping[int, Api] = {module.KEY: Api.of(module) for module in MODULES}
