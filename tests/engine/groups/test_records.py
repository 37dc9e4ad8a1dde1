"""The records of `__consumer_offsets`, byte for byte as Kafka's message definitions lay them out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import CorruptRecordError, InvalidRequestError
from engine.groups.consumer_protocol import Assignment, encode_assignment
from engine.groups.records import (
    GroupKey,
    GroupValue,
    OffsetKey,
    OffsetValue,
    StoredMember,
    decode_group,
    decode_key,
    decode_offset,
    describe,
    encode_group,
    encode_key,
    encode_offset,
)
from tests.engine.groups.group_world import tps

MEMBER = StoredMember("c-1", None, "c", "h", 60_000, 10_000, b"\x01\x02", b"\x03")
GROUP = GroupValue("consumer", 7, "range", "c-1", 1_000, (MEMBER,))

GROUP_BYTES = bytes.fromhex(
    "0003"  # version
    "0008 636f6e73756d6572"  # protocolType: consumer
    "00000007"  # generation
    "0005 72616e6765"  # protocol: range
    "0003 632d31"  # leader: c-1
    "00000000000003e8"  # currentStateTimestamp
    "00000001"  # members
    "0003 632d31"  # memberId
    "ffff"  # groupInstanceId: null
    "0001 63"  # clientId
    "0001 68"  # clientHost
    "0000ea60"  # rebalanceTimeout
    "00002710"  # sessionTimeout
    "00000002 0102"  # subscription
    "00000001 03"  # assignment
)


def test_an_offset_key_is_version_1_with_group_topic_and_partition() -> None:
    data = bytes.fromhex("0001 0001 67 0002 7470 00000003")
    assert encode_key(OffsetKey("g", "tp", 3)) == data
    assert decode_key(data) == OffsetKey("g", "tp", 3)


def test_an_offset_key_of_version_0_means_the_same() -> None:
    assert decode_key(bytes.fromhex("0000 0001 67 0002 7470 00000003")) == OffsetKey("g", "tp", 3)


def test_a_group_key_is_version_2() -> None:
    assert encode_key(GroupKey("g")) == bytes.fromhex("0002 0001 67")
    assert decode_key(bytes.fromhex("0002 0001 67")) == GroupKey("g")


def test_keys_of_other_kinds_are_left_alone() -> None:
    assert decode_key(bytes.fromhex("0003 0001 67")) is None
    assert describe(bytes.fromhex("000a 0001 67"), b"") == "A record of a kind that groups here do not use."


def test_an_offset_is_version_3_with_offset_leader_epoch_metadata_and_commit_time() -> None:
    data = bytes.fromhex("0003 00000000000004d2 ffffffff 0002 6869 0000000000000005")
    assert encode_offset(OffsetValue(1234, "hi", 5)) == data
    assert decode_offset(data) == OffsetValue(1234, "hi", 5, -1)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("0000 0000000000000009 0000 0000000000000005", OffsetValue(9, "", 5)),
        ("0001 0000000000000009 0000 0000000000000005 0000000000000008", OffsetValue(9, "", 5, -1, 8)),
        ("0002 0000000000000009 0000 0000000000000005", OffsetValue(9, "", 5)),
        ("0003 0000000000000009 00000002 0000 0000000000000005", OffsetValue(9, "", 5, 2)),
    ],
)
def test_older_offsets_are_read(data: str, value: OffsetValue) -> None:
    assert decode_offset(bytes.fromhex(data)) == value


def test_an_offset_with_an_expiry_of_its_own_is_version_1() -> None:
    value = OffsetValue(9, "", 5, -1, 8)
    assert encode_offset(value)[:2] == b"\x00\x01"
    assert decode_offset(encode_offset(value)) == value


def test_a_group_is_version_3() -> None:
    assert encode_group(GROUP) == GROUP_BYTES
    assert decode_group(GROUP_BYTES) == GROUP


def test_an_empty_group_has_no_protocol_and_no_leader() -> None:
    data = bytes.fromhex("0003 0000 00000000 ffff ffff 0000000000000005 00000000")
    assert encode_group(GroupValue("", 0, None, None, 5)) == data
    assert decode_group(data) == GroupValue("", 0, None, None, 5)


def test_a_group_of_version_0_has_one_timeout_and_no_instance_ids() -> None:
    data = bytes.fromhex(
        "0000 0008 636f6e73756d6572 00000007 0005 72616e6765 0003 632d31 00000001"
        "0003 632d31 0001 63 0001 68 00002710 00000002 0102 00000001 03"
    )
    member = StoredMember("c-1", None, "c", "h", 10_000, 10_000, b"\x01\x02", b"\x03")
    assert decode_group(data) == GroupValue("consumer", 7, "range", "c-1", -1, (member,))


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
BLOB = st.binary(max_size=20)
INT = st.integers(0, 2**31 - 1)
MEMBERS = st.builds(StoredMember, TEXT, st.none() | TEXT, TEXT, TEXT, INT, INT, BLOB, BLOB)
VALUES = st.builds(
    GroupValue, TEXT, INT, st.none() | TEXT, st.none() | TEXT, st.integers(-1, 2**62), st.lists(MEMBERS).map(tuple)
)


@settings(max_examples=60, derandomize=True)
@given(value=VALUES)
def test_a_group_comes_back_as_it_was_written(value: GroupValue) -> None:
    assert decode_group(encode_group(value)) == value


@settings(max_examples=100, derandomize=True)
@given(key=BLOB, value=st.none() | BLOB)
def test_whatever_the_bytes_are_they_are_described(key: bytes, value: bytes | None) -> None:
    assert describe(key, value)


@settings(max_examples=60, derandomize=True)
@given(cut=st.integers(0, len(GROUP_BYTES) - 1))
def test_a_record_cut_short_is_corrupt(cut: int) -> None:
    with pytest.raises(CorruptRecordError):
        decode_group(GROUP_BYTES[:cut])


def test_a_name_no_record_can_hold_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        encode_key(GroupKey("x" * 40_000))


def test_records_are_described_in_words() -> None:
    offset = encode_key(OffsetKey("billing", "orders", 3))
    group = encode_key(GroupKey("billing"))
    assert describe(offset, encode_offset(OffsetValue(1204, "", 5))) == "billing commits offset 1204 of orders-3."
    assert describe(offset, None) == "billing forgets its offset of orders-3 (tombstone)."
    assert describe(group, None) == "The group billing is forgotten (tombstone)."
    assert describe(group, encode_group(GroupValue("consumer", 3, None, None, 5))) == "billing, generation 3: empty."
    member = StoredMember("x-1", None, "billing-1", "lab", 1, 1, b"", encode_assignment(Assignment(tps(0, 1))))
    idle = StoredMember("x-2", None, "billing-2", "lab", 1, 1, b"", b"")
    assert describe(group, encode_group(GroupValue("consumer", 7, "range", "x-1", 5, (member, idle)))) == (
        "billing, generation 7, shared out by range: billing-1: orders-0 orders-1; billing-2: nothing."
    )
