"""How a producer chooses keys: none, one, evenly over n, by Zipf's law over n, or a field of the template.

Keys are readable and name what the record is about: record and key both say "customer-42".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import NamedTuple

from engine.errors import RefusedError
from engine.workload.spec import KeyRule
from engine.workload.templates import Template

Fields = tuple[str, ...]

MAX_KEYS = 1_000_000


class Keys(NamedTuple):
    """A rule at work: `subject()` says whom the next record is about (None: as the template likes), then `key(...)`
    what its key is, of the values of the template's fields."""

    subject: Callable[[], int | None]
    key: Callable[[Fields], bytes | None]


def keys_for(rule: KeyRule, template: Template, seed: int | str) -> Keys:
    """The rule at work for a template; RefusedError when the template has no such field or there are too many keys."""
    random = Random(f"keys:{seed}").random
    if rule.kind == "none":
        return Keys(_anyone, _no_key)
    if rule.kind == "one":
        one = (rule.name or f"{template.prefix}-1").encode("utf-8", "surrogateescape")
        return Keys(lambda: 1, lambda fields: one)
    if rule.kind == "field":
        return Keys(_anyone, _field(rule.name or template.subject, template))
    if rule.n > MAX_KEYS:
        raise RefusedError(f"{rule.n:,} different keys are too many; choose 1 to {MAX_KEYS:,}.")
    by_subject = _field(template.subject, template)
    if rule.kind == "uniform":
        n = rule.n
        return Keys(lambda: 1 + int(random() * n), by_subject)
    table = _zipf(rule.n)
    whole = table[-1]
    return Keys(lambda: 1 + bisect_left(table, random() * whole), by_subject)


@lru_cache(maxsize=8)
def _zipf(n: int) -> tuple[float, ...]:
    return tuple(accumulate(1.0 / rank for rank in range(1, n + 1)))


def _field(name: str, template: Template) -> Callable[[Fields], bytes | None]:
    if name not in template.fields:
        raise RefusedError(
            f"{name!r} is no field of {template.name} to be used as a key; there are: {', '.join(template.fields)}."
        )
    at = template.fields.index(name)
    return lambda fields: fields[at].encode()


def _anyone() -> int | None:
    return None


def _no_key(fields: Fields) -> bytes | None:
    return None
