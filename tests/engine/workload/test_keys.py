from collections import Counter

import pytest

from engine.errors import RefusedError
from engine.workload.keys import keys_for
from engine.workload.spec import KeyRule
from engine.workload.templates import TEMPLATES

ORDERS = TEMPLATES["orders"]


def drawn(rule: KeyRule, number: int = 1_000, seed: int = 1) -> list[bytes | None]:
    keys, generate = keys_for(rule, ORDERS, seed), ORDERS.generator(seed)
    return [keys.key(generate(0, sequence, keys.subject()).fields) for sequence in range(number)]


def test_without_a_key_there_is_none_though_records_are_about_many_customers() -> None:
    assert set(drawn(KeyRule("none"))) == {None}
    keys, generate = keys_for(KeyRule("none"), ORDERS, 1), ORDERS.generator(1)
    assert len({generate(0, n, keys.subject()).fields[0] for n in range(500)}) > 20


def test_one_key_is_the_one_that_was_named() -> None:
    assert set(drawn(KeyRule("one", name="vip"))) == {b"vip"}
    assert set(drawn(KeyRule("one"))) == {b"customer-1"}


def test_uniform_keys_come_evenly_and_no_others() -> None:
    counts = Counter(drawn(KeyRule("uniform", n=10), 5_000))
    assert set(counts) == {f"customer-{n}".encode() for n in range(1, 11)}
    assert max(counts.values()) < 1.3 * min(counts.values())


def test_zipf_keys_come_as_often_as_their_rank_says() -> None:
    counts = Counter(drawn(KeyRule("zipf", n=100), 20_000))
    assert counts[b"customer-1"] == pytest.approx(20_000 / 5.187, rel=0.1)
    assert counts[b"customer-1"] == pytest.approx(2 * counts[b"customer-2"], rel=0.1)
    assert len(counts) > 95
    assert counts[b"customer-101"] == counts[b"customer-0"] == 0


def test_the_key_names_the_customer_the_record_is_about() -> None:
    keys, generate = keys_for(KeyRule("zipf", n=30), ORDERS, 1), ORDERS.generator(1)
    for sequence in range(50):
        fields = generate(0, sequence, keys.subject()).fields
        assert keys.key(fields) == fields[0].encode()


def test_a_field_of_the_template_can_be_the_key() -> None:
    assert set(drawn(KeyRule("field", name="channel"))) == {b"web", b"app", b"store"}


def test_a_field_the_template_does_not_have_is_refused_naming_those_it_has() -> None:
    with pytest.raises(RefusedError, match=r"'colour' is no field of orders.*customer_id, order_id, channel, country"):
        keys_for(KeyRule("field", name="colour"), ORDERS, 1)


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(RefusedError, match="choose 1 to 1,000,000"):
        keys_for(KeyRule("zipf", n=1_000_001), ORDERS, 1)


def test_the_same_seed_gives_the_same_keys() -> None:
    assert drawn(KeyRule("zipf"), seed=3) == drawn(KeyRule("zipf"), seed=3)
    assert drawn(KeyRule("zipf"), seed=3) != drawn(KeyRule("zipf"), seed=4)


def test_a_key_may_hold_anything() -> None:
    assert set(drawn(KeyRule("one", name="a\x00[b]\udcff"), 1)) == {b"a\x00[b]\xff"}
