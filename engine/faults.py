"""What can go wrong on the way between nodes: cut lines, lost or late requests, lost or late answers.

Chance is seeded, so the same faults befall the same run.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from random import Random
from typing import Any

from engine.clock import Clock
from engine.errors import NetworkError
from engine.messages import Request
from engine.types import ClientInfo

ANY = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What befalls requests of a kind (None: all) on their way to `node` (None: any), each with chance `share`.

    `answers`: the request is carried out and its answer is what is hit. `delay_ms` 0 drops it.
    """

    number: int
    kind: type[Request[Any]] | None
    share: float
    answers: bool
    node: int | None
    source: int | None
    delay_ms: float = 0.0
    left: list[int] = field(default_factory=list, compare=False)
    """How many more it will hit; empty for no limit."""

    def words(self) -> str:
        """What it does, as a person reads it."""
        what = self.kind.__name__.removesuffix("Request") if self.kind else "all requests"
        where = "" if self.node is None else f" to broker {self.node}" if self.node else " to the controller"
        does = f"are {self.delay_ms:.0f} ms late" if self.delay_ms else "are lost"
        subject = f"answers to {what}" if self.answers else what
        return f"{self.share:.0%} of {subject}{where} {does}"


class Weather:
    """The rules in force, applied to each request that passes the network."""

    def __init__(self, clock: Clock, rng: Random) -> None:
        self._clock = clock
        self._rng = rng
        self._numbers = itertools.count(1)
        self.rules: tuple[Rule, ...] = ()
        self._arriving: dict[tuple[str, int, int, type[Request[Any]]], float] = {}
        """When (lab ms) the last of the late requests comes in, by client, the nodes it goes between, and kind."""

    def add(
        self,
        kind: type[Request[Any]] | None = ANY,
        *,
        share: float = 1.0,
        answers: bool = False,
        node: int | None = ANY,
        source: int | None = ANY,
        delay_ms: float = 0.0,
        times: int | None = None,
    ) -> Rule:
        """Put a rule in force; see `Rule`. `times`: it ends after so many hits."""
        left = [] if times is None else [times]
        rule = Rule(next(self._numbers), kind, share, answers, node, source, delay_ms, left)
        self.rules = (*self.rules, rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """End a rule; harmless when it has ended."""
        self.rules = tuple(other for other in self.rules if other is not rule)

    async def going(self, client: ClientInfo, source: int, target: int, request: Request[Any]) -> None:
        """Before a request arrives: delays it, or raises NetworkError.

        A client's requests of one kind come to a node in the order in which they were sent, as on one connection.
        """
        if not self.rules and not self._arriving:
            return
        delay_ms, now = self._befalls(source, target, request, answers=False), self._clock.now_ms()
        line = (client.client_id, source, target, type(request))
        before = self._arriving.get(line)
        if before is None and not delay_ms:
            return
        at = self._arriving[line] = max(now + delay_ms, before or 0.0)
        await self._clock.sleep(at - now)
        if self._arriving.get(line) == at:
            del self._arriving[line]

    async def returning(self, source: int, target: int, request: Request[Any]) -> None:
        """Before an answer arrives: delays it, or raises NetworkError though the request was carried out."""
        if self.rules and (delay_ms := self._befalls(source, target, request, answers=True)):
            await self._clock.sleep(delay_ms)

    def _befalls(self, source: int, target: int, request: Request[Any], *, answers: bool) -> float:
        """By how many ms it is late; NetworkError when it is lost."""
        delay_ms = 0.0
        for rule in self.rules:
            if rule.answers is not answers or not _meant(rule, source, target, request):
                continue
            if rule.share < 1.0 and self._rng.random() >= rule.share:
                continue
            if rule.left:
                rule.left[0] -= 1
                if rule.left[0] <= 0:
                    self.remove(rule)
            if not rule.delay_ms:
                lost = "The answer" if answers else "The request"
                raise NetworkError(f"{lost} was lost on its way.")
            delay_ms += rule.delay_ms
        return delay_ms


def _meant(rule: Rule, source: int, target: int, request: Request[Any]) -> bool:
    return (
        (rule.kind is None or isinstance(request, rule.kind))
        and (rule.node is None or rule.node == target)
        and (rule.source is None or rule.source == source)
    )
