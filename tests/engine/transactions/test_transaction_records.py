"""The records of `__transaction_state`, byte for byte as Kafka's message definitions lay them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import CorruptRecordError
from engine.snapshot import TransactionState as State
from engine.transactions.records import (
    TransactionValue,
    decode_key,
    decode_value,
    describe,
    encode_key,
    encode_value,
)
from engine.types import TopicPartition

ONGOING = TransactionValue(
    7, 2, 60_000, State.ONGOING, frozenset({TopicPartition("a", 0), TopicPartition("a", 1)}), 1_000, 2_000
)


def test_a_key_is_a_version_and_the_transactional_id() -> None:
    assert encode_key("tx") == b"\x00\x00\x00\x02tx"
    assert decode_key(b"\x00\x00\x00\x02tx") == "tx"
    assert decode_key(b"\x00\x07\x00\x02tx") is None


def test_a_value_is_of_the_flexible_version_1() -> None:
    assert encode_value(ONGOING) == (
        b"\x00\x01"
        + (7).to_bytes(8, "big")
        + b"\x00\x02"
        + (60_000).to_bytes(4, "big")
        + b"\x01"  # Ongoing
        + b"\x02\x02a\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00"  # one topic, "a", two partitions, no tags
        + (2_000).to_bytes(8, "big")
        + (1_000).to_bytes(8, "big")
        + b"\x00"
    )


def test_an_empty_transaction_has_null_for_partitions_and_the_producer_id_before_as_a_tag() -> None:
    value = TransactionValue(8, 0, 1, State.EMPTY, update_ms=5, previous_producer_id=7)
    data = encode_value(value)
    assert data[17:18] == b"\x00"
    assert data.endswith(b"\x01\x00\x08" + (7).to_bytes(8, "big"))
    assert decode_value(data) == value


def test_a_value_of_version_0_is_read_too() -> None:
    data = (
        b"\x00\x00"
        + (7).to_bytes(8, "big")
        + b"\x00\x02"
        + (60_000).to_bytes(4, "big")
        + b"\x01"
        + b"\x00\x00\x00\x01\x00\x01a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01"
        + (2_000).to_bytes(8, "big")
        + (1_000).to_bytes(8, "big")
    )
    assert decode_value(data) == ONGOING


@given(
    st.builds(
        TransactionValue,
        st.integers(0, 2**63 - 1),
        st.integers(-1, 2**15 - 1),
        st.integers(1, 2**31 - 1),
        st.sampled_from([state for state in State if state is not State.EMPTY]),
        st.frozensets(st.builds(TopicPartition, st.text("abc", min_size=1), st.integers(0, 500)), max_size=200),
        st.integers(-1, 2**62),
        st.integers(-1, 2**62),
        st.integers(-1, 2**62),
    )
)
def test_a_value_comes_back_as_it_was_written(value: TransactionValue) -> None:
    assert decode_value(encode_value(value)) == value


@given(st.data())
def test_a_value_cut_short_is_corrupt(data: st.DataObject) -> None:
    whole = encode_value(ONGOING)
    with pytest.raises(CorruptRecordError):
        decode_value(whole[: data.draw(st.integers(0, len(whole) - 1))])


def test_records_are_described_in_words() -> None:
    assert describe(encode_key("tx"), encode_value(ONGOING)) == (
        "tx is Ongoing: producer id 7, epoch 2, timeout 60,000 ms, partitions a-0 a-1."
    )
    assert describe(encode_key("tx"), None) == "The transactional id tx is forgotten (tombstone)."
    assert "there is no state 9" in describe(encode_key("tx"), encode_value(ONGOING)[:16] + b"\x09" + b"\x00" * 18)
    assert "kind that this coordinator does not keep" in describe(b"\x00\x05", None)
