"""The consumer protocol's bytes: vectors checked against kio's generated codecs, and aiokafka's structs as oracle."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequestError
from engine.groups.consumer_protocol import (
    Assignment,
    Subscription,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
)
from engine.types import TopicPartition

OWNED = (TopicPartition("orders", 0), TopicPartition("orders", 3), TopicPartition("clicks", 1))
FULL = Subscription(("orders", "clicks"), b"\x00\x07", OWNED, 5, "eu-1")

TOPICS_AND_DATA = "000000020006636c69636b7300066f7264657273000000020007"
OWNED_SORTED = "000000020006636c69636b73000000010000000100066f7264657273000000020000000000000003"
FULL_BYTES = {
    0: "0000" + TOPICS_AND_DATA,
    1: "0001" + TOPICS_AND_DATA + OWNED_SORTED,
    2: "0002" + TOPICS_AND_DATA + OWNED_SORTED + "00000005",
    3: "0003" + TOPICS_AND_DATA + OWNED_SORTED + "00000005" + "000465752d31",
}
BARE_BYTES = {
    0: "0000" + "0000000100066f7264657273" + "ffffffff",
    1: "0001" + "0000000100066f7264657273" + "ffffffff" + "00000000",
    2: "0002" + "0000000100066f7264657273" + "ffffffff" + "00000000" + "ffffffff",
    3: "0003" + "0000000100066f7264657273" + "ffffffff" + "00000000" + "ffffffff" + "ffff",
}
ASSIGNED_BYTES = "00000000000200066f72646572730000000200000000000000030006636c69636b7300000001000000010000000178"

names = st.text(min_size=1, max_size=20)
partitions = st.lists(st.builds(TopicPartition, names, st.integers(0, 2**31 - 1)), max_size=8, unique=True)
PROPERTY = settings(max_examples=100, deadline=None, derandomize=True)


@pytest.mark.parametrize("version", range(4))
def test_a_subscription_is_written_as_kafka_writes_it(version: int) -> None:
    assert encode_subscription(FULL, version).hex() == FULL_BYTES[version]
    assert encode_subscription(Subscription(("orders",)), version).hex() == BARE_BYTES[version]


@pytest.mark.parametrize("version", range(4))
def test_a_subscription_is_read_with_defaults_for_what_its_version_lacks(version: int) -> None:
    read = decode_subscription(bytes.fromhex(FULL_BYTES[version]))
    assert (read.topics, read.user_data) == (("clicks", "orders"), b"\x00\x07")
    assert read.owned_partitions == (tuple(sorted(OWNED)) if version >= 1 else ())
    assert read.generation_id == (5 if version >= 2 else -1)
    assert read.rack_id == ("eu-1" if version >= 3 else None)
    assert decode_subscription(bytes.fromhex(BARE_BYTES[version])) == Subscription(("orders",))


@pytest.mark.parametrize("version", range(4))
def test_an_assignment_is_the_same_in_every_version(version: int) -> None:
    assignment = Assignment((OWNED[0], OWNED[2], OWNED[1]), b"x")
    data = encode_assignment(assignment, version)
    assert data.hex() == f"{version:04x}" + ASSIGNED_BYTES[4:]
    assert decode_assignment(data) == Assignment(OWNED, b"x")


def test_no_bytes_at_all_are_an_assignment_of_nothing() -> None:
    assert decode_assignment(b"") == Assignment(())


def test_a_newer_version_is_read_as_the_newest_known_and_the_rest_left_alone() -> None:
    newer = bytes.fromhex("0009" + FULL_BYTES[3][4:] + "deadbeef")
    assert decode_subscription(newer) == decode_subscription(bytes.fromhex(FULL_BYTES[3]))
    assert decode_assignment(bytes.fromhex("0009" + ASSIGNED_BYTES[4:] + "00")).partitions == OWNED
    assert encode_subscription(FULL, 9).hex() == FULL_BYTES[3]


def test_a_negative_version_is_refused() -> None:
    for call in (
        lambda: decode_subscription(b"\xff\xff"),
        lambda: decode_assignment(b"\xff\xff"),
        lambda: encode_subscription(FULL, -1),
        lambda: encode_assignment(Assignment(()), -1),
    ):
        with pytest.raises(InvalidRequestError, match="version -1; 0 to 3 are known"):
            call()


def test_bytes_cut_short_anywhere_are_refused() -> None:
    for whole, decode in ((FULL_BYTES[3], decode_subscription), (ASSIGNED_BYTES, decode_assignment)):
        data = bytes.fromhex(whole)
        for length in range(1, len(data)):
            with pytest.raises(InvalidRequestError, match="bytes expected at byte"):
                decode(data[:length])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ("0000ffffffff", "an array of length -1"),
        ("000000000001ffff", "null where a string belongs"),
        ("000000000001fffe", "a length of -2"),
        ("0000000000010002c328", "not UTF-8"),
        ("000000000000fffffffe", "a length of -2"),
        ("00007fffffff", "bytes expected"),
        ("000100000000ffffffff0000000100016f7fffffff", "bytes expected"),
    ],
)
def test_malformed_bytes_are_refused_with_what_was_found(data: str, found: str) -> None:
    with pytest.raises(InvalidRequestError, match=found):
        decode_subscription(bytes.fromhex(data))


@pytest.mark.parametrize("text", ["x" * 32768, "\udc80"])
def test_a_string_the_format_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="at most 32767 bytes"):
        encode_subscription(Subscription((text,)))


@PROPERTY
@given(st.lists(names, max_size=5), st.binary(max_size=9), partitions, st.integers(-1, 2**31 - 1), st.none() | names)
def test_what_is_written_is_read_back(
    topics: list[str], data: bytes, owned: list[TopicPartition], generation: int, rack: str | None
) -> None:
    subscription = Subscription(tuple(sorted(topics)), data, tuple(sorted(owned)), generation, rack)
    assert decode_subscription(encode_subscription(subscription)) == subscription
    assert decode_assignment(encode_assignment(Assignment(tuple(sorted(owned)), data))).partitions == tuple(
        sorted(owned)
    )


@PROPERTY
@given(st.lists(names, max_size=5), st.binary(max_size=9), partitions)
def test_version_0_is_aiokafkas(topics: list[str], data: bytes, owned: list[TopicPartition]) -> None:
    theirs = ConsumerProtocolMemberMetadata(0, sorted(topics), data or None)
    assert encode_subscription(Subscription(tuple(topics), data), version=0) == theirs.encode()
    assert decode_subscription(theirs.encode()) == Subscription(tuple(sorted(topics)), data)
    read = ConsumerProtocolMemberAssignment.decode(encode_assignment(Assignment(tuple(sorted(owned)), data), version=0))
    assert (read.partitions(), read.user_data) == (sorted(owned), data or None)


@PROPERTY
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    for decode in (decode_subscription, decode_assignment):
        with suppress(InvalidRequestError):
            decode(data)
