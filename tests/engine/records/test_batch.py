import struct

import pytest
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import (
    CorruptRecordError,
    InvalidRecordError,
    InvalidTimestampError,
    RecordTooLargeError,
    UnsupportedCompressionTypeError,
    UnsupportedForMessageFormatError,
)
from engine.records import COMPRESSIONS, BatchBuilder, BatchHeader, check, read_records, split_batches, stamp, validate
from engine.records.batch import CONTROL_FLAG, HEADER, TIMESTAMP_TYPE_FLAG, seal

NO_LIMIT = 1 << 20


def batch_of(count: int = 3, **about: object) -> bytes:
    builder = BatchBuilder(NO_LIMIT, **about)  # type: ignore[arg-type]
    for index in range(count):
        assert builder.append(1_000 + index, b"key", b"value %d" % index)
    return builder.build()


def with_header(batch: bytes, **changes: int) -> bytes:
    header = BatchHeader.parse(batch)._replace(**changes)
    return seal(bytearray(HEADER.pack(*header) + batch[HEADER.size :]))


def test_a_header_is_read_as_aiokafka_reads_it() -> None:
    batch = stamp(batch_of(5, producer_id=7, producer_epoch=2, base_sequence=40), 1_000, 3)
    header, theirs = BatchHeader.parse(batch), DefaultRecordBatch(batch)
    for name in ("base_offset", "magic", "crc", "attributes", "last_offset_delta", "max_timestamp"):
        assert getattr(header, name) == getattr(theirs, name)
    for name in ("producer_id", "producer_epoch", "base_sequence", "is_transactional", "timestamp_type"):
        assert getattr(header, name) == getattr(theirs, name)
    assert (header.leader_epoch, header.last_offset, header.last_sequence, header.count) == (3, 1_004, 44, 5)
    assert header.base_timestamp == theirs.first_timestamp == 1_000
    assert header.size_bytes == len(batch)
    assert header.compression == "none"
    assert not header.is_control


def test_the_last_sequence_wraps_around_after_the_largest_int() -> None:
    assert BatchHeader.parse(batch_of(3, producer_id=1, producer_epoch=0, base_sequence=2**31 - 2)).last_sequence == 0


def test_a_stamp_sets_offset_and_epoch_and_leaves_the_crc_valid() -> None:
    stamped = stamp(batch_of(), 10**12, 9)
    assert check(stamped)[:3] == (10**12, len(stamped) - 12, 9)
    assert [record.offset for record in read_records(stamped, "t", 0)] == [10**12, 10**12 + 1, 10**12 + 2]


def test_log_append_time_gives_every_record_the_brokers_time() -> None:
    stamped = stamp(batch_of(), 5, 1, log_append_time=77_000)
    assert check(stamped).max_timestamp == 77_000
    assert {(r.timestamp, r.timestamp_type) for r in read_records(stamped, "t", 0)} == {(77_000, 1)}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_producers_batch_is_taken_in_whatever_its_compression(compression: str) -> None:
    header = validate(batch_of(50, compression=compression), NO_LIMIT)
    assert (header.count, header.compression) == (50, compression)


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_a_flipped_bit_behind_the_header_fields_never_passes(data: st.DataObject) -> None:
    batch = bytearray(batch_of(3))
    bit = data.draw(st.integers(21 * 8, len(batch) * 8 - 1))
    batch[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptRecordError, match="CRC"):
        check(bytes(batch))


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (batch_of()[:40], CorruptRecordError, "61 bytes"),
        (batch_of()[:-1], CorruptRecordError, "came"),
        (b"", CorruptRecordError, "there are 0"),
        (batch_of() + batch_of(), InvalidRecordError, "one batch"),
        (with_header(batch_of(), magic=1), UnsupportedForMessageFormatError, "format 1"),
        (with_header(batch_of(), count=4), InvalidRecordError, "4 records but spans 3"),
        (with_header(batch_of(), count=0, last_offset_delta=-1), InvalidRecordError, "0 records"),
        (stamp(batch_of(), 5, 0), InvalidRecordError, "starts at offset 0"),
        (with_header(batch_of(), attributes=CONTROL_FLAG), InvalidRecordError, "brokers"),
        (with_header(batch_of(), attributes=TIMESTAMP_TYPE_FLAG), InvalidTimestampError, "CreateTime"),
        (with_header(batch_of(), attributes=7), UnsupportedCompressionTypeError, "compression 7"),
        (with_header(batch_of(), producer_id=1), InvalidRecordError, "sequence number -1"),
    ],
)
def test_a_bad_batch_is_refused_in_words(bad: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        validate(bad, NO_LIMIT)


def test_a_batch_above_max_message_bytes_is_refused_before_its_crc_is_computed() -> None:
    batch = batch_of(100)
    with pytest.raises(RecordTooLargeError, match=r"max\.message\.bytes of the topic allows 1,000"):
        validate(batch[:-1] + b"x", 1_000)
    assert validate(batch, len(batch)).count == 100


def test_batches_behind_one_another_are_taken_apart() -> None:
    batches = [batch_of(1), batch_of(20), batch_of(3)]
    assert split_batches(b"".join(batches)) == batches
    assert split_batches(b"") == []


def test_a_cut_off_batch_among_others_is_noticed() -> None:
    both = batch_of(1) + batch_of(2)
    with pytest.raises(CorruptRecordError):
        split_batches(both[:-1])
    with pytest.raises(CorruptRecordError):
        split_batches(both + b"123")
    with pytest.raises(CorruptRecordError, match="11 bytes"):
        split_batches(struct.pack(">qi", 0, -1) + bytes(100))
