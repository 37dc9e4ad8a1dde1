"""What a client raises by itself."""

from __future__ import annotations

from engine.errors.base import KafkaError


class ClientError(KafkaError):
    """An error a client raises by itself, without a broker having said so; it has no code of its own."""

    meaning = "The client could not do this."


class NoOffsetForPartitionError(ClientError):
    """No offset is committed and `auto_offset_reset` is none."""


class CommitFailedError(ClientError):
    """The group moved on without this member, so its offsets were not committed."""


class RecordDeserializationError(ClientError):
    """The application's deserializer does not take a record."""


class DeliveryTimeoutError(ClientError):
    """The record was not acknowledged within `delivery_timeout_ms`."""


class TransactionAbortedError(ClientError):
    """The transaction was aborted, or can only be aborted."""


class KafkaTimeoutError(ClientError):
    """The client waited as long as it was told to, in vain."""


class IllegalStateError(ClientError):
    """The call does not fit what the client is doing, for example `seek` on a partition it does not own."""


class ClientClosedError(ClientError):
    """The client was stopped or crashed."""
