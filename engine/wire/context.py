"""What a request file knows besides the request: who asks, which version, and how to ask the broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from engine.config import BrokerConfig
from engine.controller.image import MetadataImage
from engine.messages import Request
from engine.network import Network
from engine.types import ClientInfo
from engine.wire.sessions import FetchSessions

if TYPE_CHECKING:
    from engine.wire.apis import Api
    from engine.wire.connection import Connection

R = TypeVar("R")


@dataclass
class Port:
    """One broker as the wire reaches it."""

    broker_id: int
    network: Network
    config: BrokerConfig
    image: MetadataImage
    apis: Mapping[int, Api]
    sessions: FetchSessions


@dataclass(slots=True)
class Context:
    """One request's surroundings."""

    connection: Connection
    port: Port
    version: int
    client: ClientInfo

    @property
    def broker_id(self) -> int:
        """Which broker was asked."""
        return self.port.broker_id

    @property
    def image(self) -> MetadataImage:
        """The metadata as this broker has it."""
        return self.port.image

    async def ask(self, request: Request[R]) -> R:
        """This broker's answer, through everything that may befall a request in the lab; raises KafkaError."""
        return await self.port.network.call(self.client, self.port.broker_id, request)

    def addresses(self) -> dict[int, tuple[str, int]]:
        """Where this client reaches each broker, by broker id."""
        return self.connection.addresses()

    def topic_name(self, topic_id: bytes, name: str | None = None) -> str | None:
        """The topic of that id, or `name` where the version has no ids; None for an unknown id."""
        return self.port.image.names.get(topic_id) if name is None else name

    def topic_id(self, name: str) -> bytes:
        """The id of a topic; zeros if there is none of that name."""
        topic = self.port.image.topics.get(name)
        return bytes(16) if topic is None else topic.topic_id
