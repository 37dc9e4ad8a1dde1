import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import (
    CorruptRecordError,
    InvalidRecordError,
    InvalidTimestampError,
    UnsupportedCompressionTypeError,
)
from engine.records import (
    COMPRESSIONS,
    HEADER_SIZE,
    BatchBuilder,
    BatchHeader,
    ConsumerRecord,
    check,
    codec_of,
    read_all,
    read_records,
    recompress,
    require_keys,
    rewrite,
    size_in_batch,
    stamp,
)
from engine.records.batch import CONTROL_FLAG, HEADER, seal

Given = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]

blobs = st.one_of(st.none(), st.binary(max_size=40))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
given_records = st.lists(
    st.tuples(st.integers(0, 2**50), blobs, blobs, st.lists(st.tuples(names, blobs), max_size=3)),
    min_size=1,
    max_size=20,
)


def batch_of(records: list[Given], base_offset: int = 0, **about: object) -> bytes:
    builder = BatchBuilder(1 << 24, **about)  # type: ignore[arg-type]
    for record in records:
        assert builder.append(*record)
    return stamp(builder.build(), base_offset, 0)


def with_attributes(batch: bytes, flags: int) -> bytes:
    header = BatchHeader.parse(batch)
    return seal(bytearray(HEADER.pack(*header._replace(attributes=header.attributes | flags)) + batch[HEADER_SIZE:]))


@given(given_records, st.sampled_from(COMPRESSIONS), st.integers(0, 2**50))
@settings(max_examples=60, deadline=None)
def test_records_come_back_as_they_were_given(records: list[Given], compression: str, base_offset: int) -> None:
    batch = batch_of(records, base_offset, compression=compression)
    check(batch)
    assert read_records(batch, "orders", 4) == [
        ConsumerRecord("orders", 4, base_offset + index, timestamp, 0, key, value, tuple(headers))
        for index, (timestamp, key, value, headers) in enumerate(records)
    ]


@given(given_records, st.sampled_from(COMPRESSIONS), st.data())
@settings(max_examples=60, deadline=None)
def test_a_rewritten_batch_keeps_offsets_times_and_span_of_what_stays(
    records: list[Given], compression: str, data: st.DataObject
) -> None:
    batch = batch_of(records, 1_000, compression=compression, producer_id=5, producer_epoch=1, base_sequence=9)
    all_of_them = read_records(batch, "t", 0)
    kept = [record for record in all_of_them if data.draw(st.booleans())]
    horizon = data.draw(st.one_of(st.none(), st.integers(0, 2**50)))
    fresh = rewrite(batch, kept, horizon)
    before, after = BatchHeader.parse(batch), check(fresh)
    assert read_records(fresh, "t", 0) == kept
    assert (after.base_offset, after.last_offset, after.last_sequence) == (
        1_000,
        before.last_offset,
        9 + len(records) - 1,
    )
    assert after.delete_horizon_ms == horizon
    assert (after.count, after.compression) == (len(kept), compression)
    assert not kept or after.max_timestamp == max(record.timestamp for record in kept)


def test_rewriting_without_loss_gives_the_same_bytes() -> None:
    batch = batch_of([(5, b"k", b"v", []), (3, b"k", None, [("h", None)])], 7)
    assert rewrite(batch, read_records(batch, "t", 0)) == batch


def test_a_batch_without_records_left_is_its_header_and_can_still_be_read() -> None:
    for compression in COMPRESSIONS:
        empty = rewrite(batch_of([(1, b"k", b"v", [])], 7, compression=compression), ())
        assert len(empty) == HEADER_SIZE
        assert read_records(empty, "t", 0) == []
        assert check(empty).last_offset == 7


def test_rewriting_keeps_the_brokers_time() -> None:
    stamped = stamp(batch_of([(5, b"a", b"v", []), (9, b"b", b"v", [])]), 0, 0, log_append_time=400)
    kept = read_records(stamped, "t", 0)[:1]
    assert read_records(rewrite(stamped, kept), "t", 0) == kept
    assert kept[0].timestamp == 400


@pytest.mark.parametrize("to", COMPRESSIONS)
@pytest.mark.parametrize("from_", COMPRESSIONS)
def test_recompressing_changes_nothing_but_the_compression(from_: str, to: str) -> None:
    batch = batch_of([(index, b"key", b"value" * 20, []) for index in range(30)], 3, compression=from_)
    fresh = recompress(batch, codec_of(to))
    assert check(fresh).compression == to
    assert read_records(fresh, "t", 0) == read_records(batch, "t", 0)


def test_reading_from_an_offset_leaves_out_what_is_before() -> None:
    batches = [batch_of([(index, None, b"v", []) for index in range(5)], base) for base in (10, 15)]
    assert [record.offset for record in read_all(batches, "t", 0, 13)] == [13, 14, 15, 16, 17, 18, 19]
    assert read_records(batches[0], "t", 0, 99) == []


def test_control_records_are_for_those_who_ask() -> None:
    batch = with_attributes(batch_of([(1, b"\0\0\0\1", b"\0" * 6, [])]), CONTROL_FLAG)
    assert read_records(batch, "t", 0) == []
    assert len(read_records(batch, "t", 0, control=True)) == 1


def test_a_record_has_aiokafkas_attributes() -> None:
    [record, tombstone] = read_records(batch_of([(1, b"key", b"value", [("a", b"b")]), (2, None, None, [])]), "t", 3)
    assert (record.serialized_key_size, record.serialized_value_size, record.checksum) == (3, 5, None)
    assert (tombstone.serialized_key_size, tombstone.serialized_value_size) == (-1, -1)
    assert (record.topic, record.partition, record.headers, record.timestamp_type) == ("t", 3, (("a", b"b"),), 0)


def test_a_batch_is_full_when_the_next_record_does_not_fit_but_takes_one_of_any_size() -> None:
    builder = BatchBuilder(1_000)
    assert builder.append(1, None, bytes(5_000))
    assert not builder.append(1, None, b"small")
    assert builder.count == 1
    builder = BatchBuilder(1_000)
    while builder.append(1, b"key", bytes(100)):
        pass
    assert len(builder.build()) <= 1_000 < len(builder.build()) + 120
    assert not builder.append(1, None, b"")


def test_building_twice_gives_the_same_bytes_and_its_true_size() -> None:
    builder = BatchBuilder(10_000, "zstd")
    builder.append(1, None, bytes(5_000))
    before = builder.size_bytes
    assert builder.build() is builder.build()
    assert builder.size_bytes == len(builder.build()) < before


def test_whose_batch_it_is_can_be_said_when_it_is_sent() -> None:
    builder = BatchBuilder(1_000, transactional=True)
    builder.append(1, None, b"v")
    builder.set_producer_state(8, 3, 21)
    header = BatchHeader.parse(builder.build())
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (8, 3, 21)
    assert header.is_transactional


def test_the_estimate_of_a_records_size_is_never_too_small() -> None:
    for key, value, headers in [(None, None, []), (b"k", b"v" * 300, [("name", b"x" * 200), ("é", None)])]:
        builder = BatchBuilder(1)
        builder.append(2**40, key, value, headers)
        assert len(builder.build()) <= size_in_batch(key, value, headers)


def test_what_cannot_be_a_record_is_refused_in_words() -> None:
    builder = BatchBuilder(1_000)
    with pytest.raises(InvalidTimestampError, match="-5"):
        builder.append(-5, None, b"v")
    with pytest.raises(InvalidRecordError, match="header name"):
        builder.append(1, None, b"v", [("\ud800", None)])
    with pytest.raises(UnsupportedCompressionTypeError, match="none, gzip, snappy, lz4, zstd"):
        BatchBuilder(1_000, "brotli")
    assert builder.count == 0
    assert builder.append(1, None, b"v")


def test_a_compacted_topic_wants_a_key_of_every_record() -> None:
    require_keys(batch_of([(1, b"a", b"v", []), (1, b"", None, [])]))
    with pytest.raises(InvalidRecordError, match="Record 1 of the batch has no key"):
        require_keys(batch_of([(1, b"a", b"v", []), (1, None, b"v", [])], compression="lz4"))


@pytest.mark.parametrize("codec", range(1, 5))
def test_bytes_that_are_not_so_compressed_are_corrupt(codec: int) -> None:
    lie = with_attributes(batch_of([(1, b"a", b"v" * 30, [])]), codec)
    with pytest.raises(CorruptRecordError):
        read_records(lie, "t", 0)
    with pytest.raises(CorruptRecordError, match=COMPRESSIONS[codec]):
        recompress(lie, 0)


def test_records_cut_short_are_corrupt() -> None:
    batch = batch_of([(1, b"a", b"v" * 30, [])])
    with pytest.raises(CorruptRecordError):
        read_records(batch[:-5], "t", 0)
    with pytest.raises(CorruptRecordError, match="unconsumed"):
        read_records(batch + b"12345", "t", 0)


def test_a_record_without_a_time_says_minus_one() -> None:
    batch = batch_of([(0, None, b"v", [])])
    header = BatchHeader.parse(batch)
    timeless = seal(bytearray(HEADER.pack(*header._replace(base_timestamp=-1, max_timestamp=-1)) + batch[HEADER_SIZE:]))
    assert read_records(timeless, "t", 0)[0].timestamp == -1
