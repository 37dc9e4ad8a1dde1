"""What a partition remembers of idempotent producers: repeats are told from new batches, gaps are refused."""

from __future__ import annotations

import pytest

from engine.errors import InvalidProducerEpochError, OutOfOrderSequenceError
from engine.records import BatchBuilder, BatchHeader, stamp
from engine.replicas.producers import ProducerStates


def _header(sequence: int, count: int = 1, epoch: int = 0, at: int = 0, producer_id: int = 7) -> BatchHeader:
    builder = BatchBuilder(10_000, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)
    for _ in range(count):
        builder.append(1, None, b"v")
    return BatchHeader.parse(stamp(builder.build(), at, 0))


def _after(*headers: BatchHeader) -> ProducerStates:
    states = ProducerStates()
    for header in headers:
        states.appended(header)
    return states


def test_the_next_sequence_is_new_and_the_same_again_is_not() -> None:
    states = _after(_header(0, 3), _header(3, 2, at=3))
    assert states.check(_header(5)) is None
    known = states.check(_header(0, 3))
    assert known is not None
    assert (known.base_offset, known.last_offset) == (0, 2)


def test_a_gap_is_refused() -> None:
    with pytest.raises(OutOfOrderSequenceError, match="3 was to come next"):
        _after(_header(0, 3)).check(_header(4))


def test_only_the_last_five_batches_are_known_again() -> None:
    states = _after(*(_header(number, at=number) for number in range(6)))
    assert states.check(_header(1)) is not None
    with pytest.raises(OutOfOrderSequenceError):
        states.check(_header(0))


def test_an_older_epoch_is_fenced_and_a_newer_one_begins_at_0() -> None:
    states = _after(_header(0, 3, epoch=2))
    with pytest.raises(InvalidProducerEpochError):
        states.check(_header(3, epoch=1))
    with pytest.raises(OutOfOrderSequenceError):
        states.check(_header(3, epoch=3))
    assert states.check(_header(0, epoch=3)) is None


def test_a_producer_that_is_not_known_may_begin_anywhere() -> None:
    assert _after(_header(0)).check(_header(41, producer_id=8)) is None


def test_sequences_wrap_around_after_the_largest() -> None:
    states = _after(_header(2**31 - 2, 2))
    assert states.check(_header(0)) is None


def test_batches_without_a_producer_id_are_not_looked_at() -> None:
    assert _after(_header(0)).check(_header(-1, producer_id=-1)) is None
