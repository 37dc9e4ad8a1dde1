"""What records are about: for each template, readable JSON of the kind a real service sends.

A record is about a *subject* (a customer, a sensor, a room ...), numbered from 1: "customer-42" is the same person in
every record and template. The same seed gives the same records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any, NamedTuple

from engine.workload.pools import POOL, Pools, pools

Make = Callable[[int, int, int], tuple[tuple[str, ...], str]]
"""Lab time (ms), sequence and subject's number to the fields that may be keys, and the record as JSON."""
_SUBJECTS = 50
"""How many subjects there are when no key rule says otherwise."""
_TEXT, _JSON = "%s", "<%s>"
"""What stands in a shape for a text that needs no escaping, and for a number or a part that is JSON already."""
_record = tuple.__new__


class Record(NamedTuple):
    """What a template made: the values of its `fields`, and the whole as JSON."""

    fields: tuple[str, ...]
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
        make, chance = self.build(random, pools(), tag), random.random

        def generate(now_ms: int, sequence: int, subject: int | None = None) -> Record:
            fields, text = make(now_ms, sequence, subject or 1 + int(chance() * _SUBJECTS))
            return _record(Record, (fields, text.encode()))

        return generate


def _shape(example: Mapping[str, Any]) -> str:
    """JSON to be filled with `%`: encoding a record anew each time takes longer than all else about it."""
    return _encoded(example).replace(f'"{_JSON}"', "%s")


def _encoded(part: Any) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=16)
def _time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now_ms % 1000:03}Z"


def _orders(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "customer_id": _TEXT,
        "order_id": _TEXT,
        "placed_at": _TEXT,
        "channel": _TEXT,
        "country": _TEXT,
        "customer": _JSON,
        "items": [_JSON],
        "total": _JSON,
        "currency": "EUR",
    })  # fmt: skip
    channels = ("web", "web", "app", "app", "store")
    customers = [_encoded({"name": each.name, "email": each.email, "city": each.city}) for each in pool.people]
    items = [
        (_shape({"sku": sku, "product": product, "quantity": _JSON, "price": price}), price)
        for sku, product, price in pool.products
    ]
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        bought, total = [], 0.0
        for _ in range(1 + int(chance() ** 2 * 3)):
            item, price = items[int(chance() * POOL)]
            quantity = 1 + int(chance() ** 3 * 4)
            total += price * quantity
            bought.append(item % quantity)
        customer, order = f"customer-{subject}", f"order-{tag}-{sequence}"
        channel, country = channels[int(chance() * 5)], pool.people[subject % POOL].country
        return (customer, order, channel, country), shape % (
            customer,
            order,
            _time(now_ms),
            channel,
            country,
            customers[subject % POOL],
            ",".join(bought),
            round(total, 2),
        )

    return make


def _payments(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "account_id": _TEXT,
        "payment_id": _TEXT,
        "at": _TEXT,
        "status": _TEXT,
        "method": _TEXT,
        "country": _TEXT,
        "merchant": _JSON,
        "amount": {"value": _JSON, "currency": "EUR"},
        "payer": {"name": _JSON, "last4": _TEXT},
    })  # fmt: skip
    methods = ("card", "card", "card", "transfer", "wallet")
    statuses = ("authorized", "captured", "captured", "captured", "declined", "refunded")
    merchants = [_encoded(company) for company in pool.companies]
    payers = [_encoded(person.name) for person in pool.people]
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        account, payment = f"account-{subject}", f"payment-{tag}-{sequence}"
        status, method = statuses[int(chance() * 6)], methods[int(chance() * 5)]
        country = pool.people[subject % POOL].country
        return (account, payment, status, method, country), shape % (
            account,
            payment,
            _time(now_ms),
            status,
            method,
            country,
            merchants[int(chance() * POOL)],
            round(1 + chance() ** 3 * 900, 2),
            payers[subject % POOL],
            f"{subject * 7919 % 10_000:04}",
        )

    return make


def _clicks(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "user_id": _TEXT,
        "click_id": _TEXT,
        "session_id": _TEXT,
        "at": _TEXT,
        "page": _TEXT,
        "device": {"kind": _TEXT, "browser": _TEXT, "ip": _TEXT},
        "country": _TEXT,
        "ms_on_page": _JSON,
    })  # fmt: skip
    pages = ("/", "/search", "/product", "/product", "/product", "/basket", "/checkout", "/help")
    browsers = ("Firefox", "Chrome", "Chrome", "Safari", "Edge")
    devices = ("phone", "phone", "laptop", "tablet")
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        person = pool.people[subject % POOL]
        page = pages[int(chance() * 8)]
        if page == "/product":
            page += "/" + pool.products[int(chance() * POOL)][0]
        user, click = f"user-{subject}", f"click-{tag}-{sequence}"
        session = f"session-{subject}-{now_ms // 1_800_000 % 1000}"
        return (user, session, click, page, person.country), shape % (
            user,
            click,
            session,
            _time(now_ms),
            page,
            devices[subject % 4],
            browsers[subject % 5],
            person.address,
            person.country,
            int(200 + chance() ** 4 * 90_000),
        )

    return make


def _sensors(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "sensor_id": _TEXT,
        "reading_id": _TEXT,
        "at": _TEXT,
        "site": _TEXT,
        "reading": {"temperature": _JSON, "humidity": _JSON, "pressure": _JSON},
        "battery": _JSON,
        "alarm": _JSON,
    })  # fmt: skip
    sites = ("north-hall", "south-hall", "cold-store", "roof", "loading-bay")
    last: dict[int, float] = {}
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        usual = 4.0 if subject % 5 == 2 else 16.0 + subject % 9
        before = last.get(subject, usual)
        temperature = last[subject] = before + (usual - before) * 0.1 + (chance() - 0.5) * 0.8
        sensor, reading, site = f"sensor-{subject}", f"reading-{tag}-{sequence}", sites[subject % 5]
        return (sensor, reading, site), shape % (
            sensor,
            reading,
            _time(now_ms),
            site,
            round(temperature, 2),
            round(38 + chance() * 20, 1),
            round(1008 + chance() * 12, 1),
            round(1 - (sequence % 5_000) / 5_000, 2),
            "true" if abs(temperature - usual) > 1.5 else "false",
        )

    return make


def _chat(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "room_id": _TEXT,
        "user_id": _TEXT,
        "message_id": _TEXT,
        "at": _TEXT,
        "from": _JSON,
        "text": _JSON,
        "mentions": [_JSON],
    })  # fmt: skip
    writers = [_encoded({"name": person.name, "country": person.country}) for person in pool.people]
    sentences = [_encoded(sentence) for sentence in pool.sentences]
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        writer = 1 + int(chance() * _SUBJECTS)
        room, user, message = f"room-{subject}", f"user-{writer}", f"message-{tag}-{sequence}"
        return (room, user, message), shape % (
            room,
            user,
            message,
            _time(now_ms),
            writers[writer % POOL],
            sentences[int(chance() * POOL)],
            f'"user-{1 + int(chance() * _SUBJECTS)}"' if chance() < 0.2 else "",
        )

    return make


def _logs(random: Random, pool: Pools, tag: str) -> Make:
    shape = _shape({
        "host": _TEXT,
        "service": _TEXT,
        "level": _TEXT,
        "trace_id": _TEXT,
        "at": _TEXT,
        "message": _TEXT,
        "request": {"route": _TEXT, "status": _JSON, "ms": _JSON},
    })  # fmt: skip
    services = ("checkout", "catalog", "search", "login", "mailer", "gateway")
    levels = ("INFO",) * 12 + ("WARN",) * 3 + ("ERROR",)
    routes = ("GET /orders", "POST /orders", "GET /products", "GET /health", "PUT /basket", "DELETE /basket")
    notes = {"INFO": "served", "WARN": "served slowly", "ERROR": "failed: upstream did not answer"}
    chance = random.random

    def make(now_ms: int, sequence: int, subject: int) -> tuple[tuple[str, ...], str]:
        level = levels[int(chance() * 16)]
        route = routes[int(chance() * 6)]
        took = chance() ** 3 * (900 if level == "INFO" else 5_000)
        host, service, trace = f"host-{subject}", services[subject % 6], f"trace-{tag}-{sequence}"
        return (host, service, level, trace), shape % (
            host,
            service,
            level,
            trace,
            _time(now_ms),
            f"{route} {notes[level]}",
            route,
            502 if level == "ERROR" else 200,
            round(took, 1),
        )

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
