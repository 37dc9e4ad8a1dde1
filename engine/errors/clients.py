"""What a client raises by itself."""

from __future__ import annotations

from engine.errors.base import KafkaError
from engine.errors.brokers import OffsetOutOfRangeError


class ClientError(KafkaError):
    """An error a client raises by itself, without a broker having said so; it has no code of its own."""

    meaning = "The client could not do this."


class NoOffsetForPartitionError(ClientError):
    """No offset is committed and `auto_offset_reset` is none."""


class LogTruncationError(OffsetOutOfRangeError):
    """The log was cut back behind what was read of it, and `auto_offset_reset` is none (KIP-320)."""

    def __init__(self, message: str = "", offset: int = -1, divergent_offset: int = -1, divergent_epoch: int = -1):
        super().__init__(message)
        self.offset = offset
        """The position there was."""
        self.divergent_offset = divergent_offset
        """The first offset at which the log is known to differ from what was read; -1 if that is not known."""
        self.divergent_epoch = divergent_epoch
        """The leader epoch of the record before that."""


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
