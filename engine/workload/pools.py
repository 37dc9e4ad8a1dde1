"""People, sentences and places that templates draw from: made once by a seeded Faker, as drawing each anew is slow.

Faker is imported when a pool is first needed. A pool is the same in every lab, so customer-42 is one person to all.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

POOL = 200
_SEED = 20110111


class Person(NamedTuple):
    """Somebody who buys, pays, clicks and chats."""

    name: str
    email: str
    city: str
    country: str
    address: str
    """An IP address."""


class Pools(NamedTuple):
    """What templates draw from, `POOL` of each."""

    people: tuple[Person, ...]
    sentences: tuple[str, ...]
    products: tuple[tuple[str, str, float], ...]
    """SKU, name and price."""
    companies: tuple[str, ...]


_COUNTRIES = ("DE", "FR", "ES", "IT", "NL", "PL", "SE", "GB", "US", "CA", "BR", "JP", "IN", "ZA", "AU")
_KINDS = ("Lamp", "Chair", "Kettle", "Backpack", "Notebook", "Headphones", "Bicycle", "Jacket", "Clock", "Camera")
_MAKES = ("Oak", "Steel", "Linen", "Compact", "Classic", "Travel", "Studio", "Trail", "Copper", "Nordic")


@cache
def pools() -> Pools:
    """The pools; the first call imports Faker and takes some 0.2 s."""
    from faker import Faker

    fake = Faker("en_US")
    fake.seed_instance(_SEED)
    random = fake.random
    people = tuple(
        Person(fake.name(), fake.email(), fake.city(), random.choice(_COUNTRIES), fake.ipv4_public())
        for _ in range(POOL)
    )
    products = tuple(
        (
            f"sku-{number:04}",
            f"{random.choice(_MAKES)} {random.choice(_KINDS)}",
            round(random.uniform(4, 240), 2),
        )
        for number in range(1, POOL + 1)
    )
    sentences = tuple(fake.sentence(nb_words=8) for _ in range(POOL))
    return Pools(people, sentences, products, tuple(fake.company() for _ in range(POOL)))
