"""Who is connected from outside, and what passes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AddressView:
    """Where one broker is reached from outside; its port is closed while the broker is down."""

    broker_id: int
    host: str
    port: int
    open: bool


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection from outside. Rates are per second of real time, `number` is its own as long as the lab listens."""

    number: int
    broker_id: int
    client_id: str
    """Empty until its first request."""
    software: str
    """As the client calls itself (ApiVersions 3 and later): "librdkafka"; empty where it does not say."""
    version: str
    address: str
    """Host and port it comes from."""
    requests: int
    requests_per_s: float
    bytes_in_per_s: float
    bytes_out_per_s: float
    last_request: str = ""
    """The name of the newest: "Fetch"."""
    principal: str = ""
    """Who it authenticated as, where the listener asks for that."""


@dataclass(frozen=True, slots=True)
class WatchedView:
    """Whose requests are kept: those of a client, which has one id at one host, or of one of its connections alone."""

    client_id: str
    alone: bool
    connections: tuple[int, ...]
    """The numbers of those there are just now."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request that passed while its client was watched."""

    broker_id: int
    at_ms: float
    name: str
    api_version: int
    summary: str
    """What was asked, decoded, on one line."""
    answer: str
    """What was answered; empty while it waits, or when nothing is to be answered."""
    bytes_in: int
    bytes_out: int
    latency_ms: float | None
    """From the last byte of the request to the first of the answer, in real ms; None while it waits."""


@dataclass(frozen=True, slots=True)
class ListeningView:
    """The lab speaks Kafka's protocol: where, to whom, and what passes between it and the client that is watched."""

    addresses: tuple[AddressView, ...]
    connections: tuple[ConnectionView, ...] = ()
    beyond_loopback: bool = False
    """Whether other machines may reach it."""
    security: str = "PLAINTEXT"
    """Kafka's word: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL."""
    watched: WatchedView | None = None
    requests: tuple[RequestView, ...] = ()
    """Its last requests, newest last."""
