from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from aiokafka.partitioner import murmur2 as aiokafkas_murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clients.partitioners import keyless_rule, murmur2, partition_for_key


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_gives_kafkas_own_numbers(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed


@given(st.binary(max_size=64))
@settings(max_examples=200, deadline=None)
def test_murmur2_agrees_with_aiokafka(key: bytes) -> None:
    assert murmur2(key) & 0xFFFFFFFF == aiokafkas_murmur2(key)
    assert partition_for_key(key, 7) == (aiokafkas_murmur2(key) & 0x7FFFFFFF) % 7


def test_sticky_stays_for_a_batchs_worth_of_bytes() -> None:
    rule = keyless_rule("default", 1_000, Random(1))
    chosen = [rule.choose(range(50), 100) for _ in range(40)]
    runs = [chosen[at : at + 10] for at in range(0, 40, 10)]
    assert all(len(set(run)) == 1 for run in runs)
    assert len({run[0] for run in runs}) > 1


def test_sticky_moves_on_when_a_batch_has_ended_and_rather_to_where_less_is_waiting() -> None:
    rule = keyless_rule("default", 1_000, Random(1))
    chosen = Counter[int]()
    for _ in range(600):
        rule.batch_ended([0, 9])
        chosen[rule.choose(range(2), 10)] += 1
    assert 0.85 < chosen[0] / 600 < 0.96  # ten to one


def test_sticky_leaves_a_partition_that_is_no_longer_to_be_had() -> None:
    rule = keyless_rule("default", 1_000, Random(1))
    first = rule.choose([0, 1, 2], 10)
    assert rule.choose([p for p in range(3) if p != first], 10) != first


def test_round_robin_takes_each_in_turn() -> None:
    rule = keyless_rule("roundrobin", 1_000, Random(1))
    chosen = [rule.choose(range(3), 10) for _ in range(9)]
    assert Counter(chosen) == {0: 3, 1: 3, 2: 3}
    assert chosen[:3] == chosen[3:6] == chosen[6:]


def test_random_chooses_by_the_generator_it_is_given() -> None:
    one, same = keyless_rule("random", 1_000, Random(5)), keyless_rule("random", 1_000, Random(5))
    chosen = [one.choose(range(8), 10) for _ in range(50)]
    assert chosen == [same.choose(range(8), 10) for _ in range(50)]
    assert len(set(chosen)) > 4
