"""What records are about: for each template, readable JSON of the kind a real service sends.

A record is about a *subject* (a customer, a sensor, a room ...), numbered from 1: "customer-42" is the same person in
every record and template. The same seed gives the same records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from engine.workload.pools import POOL, Pools, pools

Fields = dict[str, Any]
Make = Callable[[int, int, int], Fields]
"""Lab time (ms), sequence and subject's number to the record's fields."""
_SUBJECTS = 50
"""How many subjects there are when no key rule says otherwise."""
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Record(NamedTuple):
    """What a template made: the fields, and the same as JSON bytes."""

    fields: Fields
    value: bytes


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of record. `fields` may be keys; the first names the subject, by `prefix` and a number."""

    name: str
    prefix: str
    fields: tuple[str, ...]
    build: Callable[[Random, Pools, str], Make]

    @property
    def subject(self) -> str:
        """The field that names what a record is about."""
        return self.fields[0]

    def generator(self, seed: int | str) -> Callable[..., Record]:
        """A function of lab time (ms), sequence and, if wanted, subject's number, giving the next record."""
        random = Random(f"{self.name}:{seed}")
        tag = f"{random.randrange(16**4):04x}"
        make = self.build(random, pools(), tag)

        def generate(now_ms: int, sequence: int, subject: int | None = None) -> Record:
            fields = make(now_ms, sequence, subject or 1 + int(random.random() * _SUBJECTS))
            return Record(fields, _encode(fields).encode())

        return generate


def _time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_ms % 1000:03}Z"


def _orders(random: Random, pool: Pools, tag: str) -> Make:
    channels = ("web", "web", "app", "app", "store")

    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        person = pool.people[subject % POOL]
        items, total = [], 0.0
        for _ in range(1 + int(random.random() ** 2 * 3)):
            sku, product, price = pool.products[int(random.random() * POOL)]
            quantity = 1 + int(random.random() ** 3 * 4)
            total += price * quantity
            items.append({"sku": sku, "product": product, "quantity": quantity, "price": price})
        return {
            "customer_id": f"customer-{subject}",
            "order_id": f"order-{tag}-{sequence}",
            "placed_at": _time(now_ms),
            "channel": channels[int(random.random() * 5)],
            "country": person.country,
            "customer": {"name": person.name, "email": person.email, "city": person.city},
            "items": items,
            "total": round(total, 2),
            "currency": "EUR",
        }

    return make


def _payments(random: Random, pool: Pools, tag: str) -> Make:
    methods = ("card", "card", "card", "transfer", "wallet")
    statuses = ("authorized", "captured", "captured", "captured", "declined", "refunded")

    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        person = pool.people[subject % POOL]
        return {
            "account_id": f"account-{subject}",
            "payment_id": f"payment-{tag}-{sequence}",
            "at": _time(now_ms),
            "status": statuses[int(random.random() * 6)],
            "method": methods[int(random.random() * 5)],
            "country": person.country,
            "merchant": pool.companies[int(random.random() * POOL)],
            "amount": {"value": round(1 + random.random() ** 3 * 900, 2), "currency": "EUR"},
            "payer": {"name": person.name, "last4": f"{subject * 7919 % 10_000:04}"},
        }

    return make


def _clicks(random: Random, pool: Pools, tag: str) -> Make:
    pages = ("/", "/search", "/product", "/product", "/product", "/basket", "/checkout", "/help")
    browsers = ("Firefox", "Chrome", "Chrome", "Safari", "Edge")
    devices = ("phone", "phone", "laptop", "tablet")

    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        person = pool.people[subject % POOL]
        page = pages[int(random.random() * 8)]
        if page == "/product":
            page += "/" + pool.products[int(random.random() * POOL)][0]
        return {
            "user_id": f"user-{subject}",
            "click_id": f"click-{tag}-{sequence}",
            "session_id": f"session-{subject}-{now_ms // 1_800_000 % 1000}",
            "at": _time(now_ms),
            "page": page,
            "device": {"kind": devices[subject % 4], "browser": browsers[subject % 5], "ip": person.address},
            "country": person.country,
            "ms_on_page": int(200 + random.random() ** 4 * 90_000),
        }

    return make


def _sensors(random: Random, pool: Pools, tag: str) -> Make:
    sites = ("north-hall", "south-hall", "cold-store", "roof", "loading-bay")
    last: dict[int, float] = {}

    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        usual = 4.0 if subject % 5 == 2 else 16.0 + subject % 9
        before = last.get(subject, usual)
        temperature = before + (usual - before) * 0.1 + (random.random() - 0.5) * 0.8
        last[subject] = temperature
        return {
            "sensor_id": f"sensor-{subject}",
            "reading_id": f"reading-{tag}-{sequence}",
            "at": _time(now_ms),
            "site": sites[subject % 5],
            "reading": {
                "temperature": round(temperature, 2),
                "humidity": round(38 + random.random() * 20, 1),
                "pressure": round(1008 + random.random() * 12, 1),
            },
            "battery": round(1 - (sequence % 5_000) / 5_000, 2),
            "alarm": abs(temperature - usual) > 1.5,
        }

    return make


def _chat(random: Random, pool: Pools, tag: str) -> Make:
    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        writer = 1 + int(random.random() * _SUBJECTS)
        person = pool.people[writer % POOL]
        return {
            "room_id": f"room-{subject}",
            "user_id": f"user-{writer}",
            "message_id": f"message-{tag}-{sequence}",
            "at": _time(now_ms),
            "from": {"name": person.name, "country": person.country},
            "text": pool.sentences[int(random.random() * POOL)],
            "mentions": [f"user-{1 + int(random.random() * _SUBJECTS)}"] if random.random() < 0.2 else [],
        }

    return make


def _logs(random: Random, pool: Pools, tag: str) -> Make:
    services = ("checkout", "catalog", "search", "login", "mailer", "gateway")
    levels = ("INFO",) * 12 + ("WARN",) * 3 + ("ERROR",)
    routes = ("GET /orders", "POST /orders", "GET /products", "GET /health", "PUT /basket", "DELETE /basket")
    notes = {"INFO": "served", "WARN": "served slowly", "ERROR": "failed: upstream did not answer"}

    def make(now_ms: int, sequence: int, subject: int) -> Fields:
        level = levels[int(random.random() * 16)]
        route = routes[int(random.random() * 6)]
        took = random.random() ** 3 * (900 if level == "INFO" else 5_000)
        return {
            "host": f"host-{subject}",
            "service": services[subject % 6],
            "level": level,
            "trace_id": f"trace-{tag}-{sequence}",
            "at": _time(now_ms),
            "message": f"{route} {notes[level]}",
            "request": {"route": route, "status": 502 if level == "ERROR" else 200, "ms": round(took, 1)},
        }

    return make


TEMPLATES: Mapping[str, Template] = {
    template.name: template
    for template in (
        Template("orders", "customer", ("customer_id", "order_id", "channel", "country"), _orders),
        Template("payments", "account", ("account_id", "payment_id", "status", "method", "country"), _payments),
        Template("clicks", "user", ("user_id", "session_id", "click_id", "page", "country"), _clicks),
        Template("sensors", "sensor", ("sensor_id", "reading_id", "site"), _sensors),
        Template("chat", "room", ("room_id", "user_id", "message_id"), _chat),
        Template("logs", "host", ("host", "service", "level", "trace_id"), _logs),
    )
}
