"""A producer's settings: what they may be, and what follows where one is left out.

After `org.apache.kafka.clients.producer.ProducerConfig` and its `postProcessAndValidateIdempotenceConfigs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.clients.idempotence import MOST_IN_FLIGHT
from engine.clients.partitioners import PARTITIONERS
from engine.errors import InvalidConfigError
from engine.records import COMPRESSIONS

DELIVERY_TIMEOUT_MS = 120_000
_ACKS = {0: 0, 1: 1, -1: -1, "0": 0, "1": 1, "-1": -1, "all": -1}


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """What the sender keeps to; times in ms, sizes in bytes, `acks` as on the wire."""

    acks: int
    idempotent: bool
    linger_ms: float
    max_request_size: int
    retry_backoff_ms: float
    delivery_timeout_ms: float
    max_in_flight: int
    transactional_id: str | None = None


def sender_config(
    *,
    acks: int | str,
    enable_idempotence: bool | None,
    linger_ms: float,
    max_request_size: int,
    request_timeout_ms: float,
    retry_backoff_ms: float,
    delivery_timeout_ms: float,
    max_in_flight: int,
    transactional_id: str | None,
) -> SenderConfig:
    """The settings of sending, checked; InvalidConfigError says what is accepted."""
    if acks not in _ACKS:
        raise InvalidConfigError(f"acks cannot be {acks!r}; it takes 0, 1 or 'all'.")
    if enable_idempotence and _ACKS[acks] != -1:
        raise InvalidConfigError(f"enable_idempotence needs acks 'all', not {acks!r}: set that, or leave it out.")
    if transactional_id == "":
        raise InvalidConfigError("transactional_id must not be empty; leave it out to send without transactions.")
    if transactional_id is not None and (_ACKS[acks] != -1 or enable_idempotence is False):
        raise InvalidConfigError(
            f"transactional_id {transactional_id!r} needs acks 'all' and idempotence: set those, or leave it out."
        )
    idempotent = _ACKS[acks] == -1 if enable_idempotence is None else enable_idempotence
    if not 1 <= max_in_flight <= (MOST_IN_FLIGHT if idempotent else 2**31 - 1):
        raise InvalidConfigError(
            f"max_in_flight_requests_per_connection cannot be {max_in_flight}; "
            + (f"an idempotent producer takes 1 to {MOST_IN_FLIGHT}." if idempotent else "it is at least 1.")
        )
    least = linger_ms + request_timeout_ms
    if delivery_timeout_ms < least:
        if delivery_timeout_ms != DELIVERY_TIMEOUT_MS:
            raise InvalidConfigError(
                f"delivery_timeout_ms ({delivery_timeout_ms:g}) must be at least linger_ms + request_timeout_ms "
                f"({least:g}); raise it, or lower those."
            )
        delivery_timeout_ms = least
    return SenderConfig(
        acks=_ACKS[acks],
        idempotent=idempotent,
        linger_ms=linger_ms,
        max_request_size=max_request_size,
        retry_backoff_ms=retry_backoff_ms,
        delivery_timeout_ms=delivery_timeout_ms,
        max_in_flight=max_in_flight,
        transactional_id=transactional_id,
    )


def check_choices(compression_type: str | None, partitioner: object) -> None:
    """Whether there is such a codec, and such a rule for records without a key; InvalidConfigError."""
    if compression_type is not None and compression_type not in COMPRESSIONS:
        raise InvalidConfigError(
            f"compression_type cannot be {compression_type!r}; it takes {', '.join(COMPRESSIONS)}."
        )
    if isinstance(partitioner, str) and partitioner not in PARTITIONERS:
        raise InvalidConfigError(
            f"partitioner cannot be {partitioner!r}; it takes {', '.join(PARTITIONERS)} or a callable."
        )
