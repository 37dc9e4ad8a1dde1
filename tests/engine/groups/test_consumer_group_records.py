"""The records of a group of the consumer protocol: Kafka's bytes, and what is told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import CorruptRecordError
from engine.groups.modern.records import (
    ClassicMember,
    Current,
    CurrentKey,
    GroupEpoch,
    GroupEpochKey,
    Key,
    MemberKey,
    MemberMetadata,
    PartitionMetadata,
    PartitionMetadataKey,
    PatternKey,
    Resolved,
    SubscribedTopic,
    Target,
    TargetEpoch,
    TargetEpochKey,
    TargetKey,
    Value,
    decode_key,
    decode_value,
    encode_key,
    encode_value,
)
from engine.groups.records import describe
from engine.snapshot import MemberState
from tests.engine.groups.group_world import PARTITION, new_world
from tests.engine.groups.modern_world import Consumer

ID = bytes(range(16))
MEMBER = MemberMetadata("one", None, "billing-1", "lab", ("orders",), None, 60_000, "uniform")
CURRENT = Current(5, 4, MemberState.UNREVOKED_PARTITIONS, ((ID, (0, 1)),), ((ID, (2,)),))
BYTES: list[tuple[Key, str, Value, str]] = [
    (GroupEpochKey("g"), "0003 0001 67", GroupEpoch(7), "0000 00000007 00"),
    (
        PartitionMetadataKey("g"),
        "0004 0001 67",
        PartitionMetadata((SubscribedTopic(ID, "orders", 4),)),
        f"0000 02 {ID.hex()} 07 6f7264657273 00000004 01 00 00",
    ),
    (
        MemberKey("g", "m"),
        "0005 0001 67 0001 6d",
        MEMBER,
        "0000 04 6f6e65 00 0a 62696c6c696e672d31 04 6c6162 02 07 6f7264657273 00 0000ea60 08 756e69666f726d 00",
    ),
    (
        MemberKey("g", "c"),
        "0005 0001 67 0001 63",
        replace(MEMBER, classic=ClassicMember(10_000, (("range", b"\x01\x02"),))),
        "0000 04 6f6e65 00 0a 62696c6c696e672d31 04 6c6162 02 07 6f7264657273 00 0000ea60 08 756e69666f726d "
        "01 00 11 01 00002710 02 06 72616e6765 03 0102 00 00",
    ),
    (TargetEpochKey("g"), "0006 0001 67", TargetEpoch(7), "0000 00000007 00"),
    (
        TargetKey("g", "m"),
        "0007 0001 67 0001 6d",
        Target(((ID, (0, 3)),)),
        f"0000 02 {ID.hex()} 03 00000000 00000003 00 00",
    ),
    (
        CurrentKey("g", "m"),
        "0008 0001 67 0001 6d",
        CURRENT,
        f"0000 00000005 00000004 01 02 {ID.hex()} 03 00000000 00000001 00 02 {ID.hex()} 02 00000002 00 00",
    ),
    (
        PatternKey("g", "o.*"),
        "0010 0001 67 0003 6f2e2a",
        Resolved(("a", "bc"), 7, 1_700_000_000_000),
        "0000 03 0261 036263 0000000000000007 0000018bcfe56800 00",
    ),
]


@pytest.mark.parametrize(("key", "key_bytes", "value", "value_bytes"), BYTES)
def test_keys_and_values_are_kafkas_bytes(key: Key, key_bytes: str, value: Value, value_bytes: str) -> None:
    assert encode_key(key) == bytes.fromhex(key_bytes)
    assert decode_key(bytes.fromhex(key_bytes)) == key
    assert encode_value(value) == bytes.fromhex(value_bytes)
    assert decode_value(key, bytes.fromhex(value_bytes)) == value


def test_tagged_fields_of_later_brokers_are_left_alone() -> None:
    assert decode_value(GroupEpochKey("g"), bytes.fromhex("0000 00000007 01 00 08 0000000000000001")) == GroupEpoch(7)
    parts = f"02 {ID.hex()} 02 00000002 01 00 05 02 00000005"
    later = bytes.fromhex(f"0000 00000005 00000004 00 {parts} 01 00")
    assert decode_value(CurrentKey("g", "m"), later) == Current(5, 4, MemberState.STABLE, ((ID, (2,)),), ())


@given(st.sampled_from(BYTES), st.integers(0, 60))
def test_a_value_cut_short_is_corrupt_or_still_whole(case: tuple[Key, str, Value, str], size: int) -> None:
    key, _, value, value_bytes = case
    try:
        assert decode_value(key, bytes.fromhex(value_bytes)[:size]) == value
    except CorruptRecordError:
        pass


@given(st.sampled_from(BYTES), st.binary(max_size=60))
def test_bytes_that_are_no_record_are_told_to_be_so(case: tuple[Key, str, Value, str], data: bytes) -> None:
    assert describe(bytes.fromhex(case[1]), data)


def test_a_state_no_member_is_in_is_corrupt() -> None:
    with pytest.raises(CorruptRecordError, match="9 is no state"):
        decode_value(CurrentKey("g", "m"), bytes.fromhex("0000 00000005 00000004 09 01 01 00"))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (GroupEpochKey("g"), GroupEpoch(7), "g is in group epoch 7."),
        (
            PartitionMetadataKey("g"),
            PartitionMetadata((SubscribedTopic(ID, "orders", 4),)),
            "g subscribes to topics with so many partitions: orders (4).",
        ),
        (MemberKey("g", "m"), MEMBER, "billing-1 in g subscribes to orders, shared out by uniform."),
        (TargetEpochKey("g"), TargetEpoch(7), "g has a target assignment for group epoch 7."),
        (TargetKey("g", "m"), Target(((ID, (0, 3)),)), "m in g is to have P0 P3."),
        (CurrentKey("g", "m"), CURRENT, "m in g, in epoch 5, has P0 P1 and has yet to give up P2."),
        (
            CurrentKey("g", "m"),
            Current(-2, 4, MemberState.STABLE, ((ID, (1,)),), ()),
            "m in g, a static member that is away, keeps P1.",
        ),
        (PatternKey("g", "o.*"), Resolved(("a",), 7, 0), "In version 7 of the metadata, what g wants by o.* is a."),
        (PatternKey("g", "o.*"), None, "Nobody in g subscribes by o.* any more (tombstone)."),
        (CurrentKey("g", "m"), None, "m in g has nothing any more (tombstone)."),
        (GroupEpochKey("g"), None, "The group g is forgotten (tombstone)."),
    ],
)
def test_records_are_told_in_sentences(key: Key, value: Value | None, told: str) -> None:
    assert describe(encode_key(key), None if value is None else encode_value(value)) == told


async def test_a_first_member_leaves_one_record_of_each_kind() -> None:
    world = await new_world()
    await Consumer(world, "billing-1").join()
    kinds = [type(decode_key(key)) for key, *_ in world.log.records[PARTITION]]
    assert kinds == [MemberKey, PartitionMetadataKey, GroupEpochKey, TargetKey, TargetEpochKey, CurrentKey]
