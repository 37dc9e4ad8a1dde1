"""Making batches: records are added until one no longer fits. The encoding is aiokafka's compiled one."""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from engine.errors import InvalidRecordError, InvalidTimestampError
from engine.records.batch import MAGIC, numbered
from engine.records.compression import codec_of

Headers = Sequence[tuple[str, bytes | None]]


class BatchBuilder:
    """A batch in the making, of up to `max_size` bytes before compression; its base offset is 0 until it is stamped."""

    def __init__(
        self,
        max_size: int,
        compression: str = "none",
        *,
        producer_id: int = -1,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        transactional: bool = False,
    ) -> None:
        self._builder = DefaultRecordBatchBuilder(
            magic=MAGIC,
            compression_type=codec_of(compression),
            is_transactional=int(transactional),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=base_sequence,
            batch_size=max_size,
        )
        self._built: bytes | None = None
        self.count = 0
        """Records in it."""

    def append(self, timestamp: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> bool:
        """Add a record at `timestamp` (ms since the epoch), or answer False if it does not fit.

        The first always fits, however large. InvalidTimestampError for a time below 0 or beyond int64,
        InvalidRecordError for a header name that is no Unicode text.
        """
        if timestamp < 0:
            raise InvalidTimestampError(f"A timestamp is in ms since 1970 and cannot be {timestamp}.")
        if self._built is not None:
            return False
        try:
            added = self._builder.append(self.count, timestamp, key, value, list(headers))
        except OverflowError as error:
            raise InvalidTimestampError(f"A timestamp is in ms since 1970 and cannot be {timestamp}.") from error
        except UnicodeEncodeError as error:
            raise InvalidRecordError(f"A header name must be Unicode text: {error}") from error
        if added is None:
            return False
        self.count += 1
        return True

    def set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        """Whose it is and which of theirs (KIP-98)."""
        if self._built is None:
            self._builder.set_producer_state(producer_id, producer_epoch, base_sequence)
        else:
            self._built = numbered(self._built, producer_id, producer_epoch, base_sequence)

    @property
    def size_bytes(self) -> int:
        """Bytes so far, not yet compressed; once built, as they are."""
        return self._builder.size() if self._built is None else len(self._built)

    def build(self) -> bytes:
        """The finished batch; the same bytes each time. Nothing can be added any more."""
        if self._built is None:
            self._built = bytes(self._builder.build())
        return self._built


def size_in_batch(key: bytes | None, value: bytes | None, headers: Headers = ()) -> int:
    """Upper bound of the bytes a batch of this one record takes, as checked against `max.request.size`."""
    size: int = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, list(headers))
    return size
