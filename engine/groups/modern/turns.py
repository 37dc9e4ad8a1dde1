"""One change of a group at a time: what is decided is written, and takes effect when it is committed.

What comes meanwhile waits its turn. A change without records takes effect at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.coordinators.writer import LogRecord, Written
from engine.errors import KafkaError
from engine.groups.member import Reply
from engine.groups.modern.draft import Draft
from engine.groups.modern.records import encode_key, encode_value
from engine.types import ClientInfo


@dataclass(slots=True)
class Change:
    """What one request or timer leads to, once it is committed."""

    draft: Draft
    answer: Any = None
    heard: tuple[str, ClientInfo] | None = None
    """Whose session begins anew."""
    gone: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Who goes: "left" or "dropped", and why in a clause."""
    joined: str | None = None
    """Who has joined in the classic protocol, and has to ask for its assignment."""
    again: Callable[[], None] | None = None
    """What is done if it could not be stored and nobody waits for an answer."""


Decide = Callable[[], Change | None]
"""Decides by how the group stands when its turn comes: None changes nothing, and a KafkaError is the answer."""


class Turns:
    """Those of one group. `effect` is called with a change that is committed, `failed` with one that could not be."""

    def __init__(
        self,
        write: Callable[[Sequence[LogRecord], Written], None],
        effect: Callable[[Change], None],
        failed: Callable[[Change], None],
    ) -> None:
        self._write = write
        self._effect = effect
        self._failed = failed
        self._waiting: deque[tuple[Decide, Reply[Any] | None]] = deque()
        self._writing: Reply[Any] | None = None
        self._busy = False
        self._over: KafkaError | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._busy or bool(self._waiting)

    def take(self, decide: Decide, reply: Reply[Any] | None) -> None:
        """Have this decided when its turn comes."""
        if self._over is None:
            self._waiting.append((decide, reply))
            self._go_on()
        elif reply is not None:
            reply.answer(self._over)

    def close(self, error: KafkaError) -> None:
        """Nothing takes effect any more; who waits gets `error`."""
        self._over = error
        waiting = [self._writing, *(reply for _, reply in self._waiting)]
        self._waiting.clear()
        self._writing = None
        for reply in filter(None, waiting):
            reply.answer(error)

    def _go_on(self) -> None:
        while self._waiting and not self._busy:
            decide, reply = self._waiting.popleft()
            try:
                change = decide()
                records = [] if change is None else _encoded(change.draft)
            except KafkaError as error:
                if reply is not None:
                    reply.answer(error)
                continue
            if change is None:
                continue
            if not records:
                self._takes_effect(change, reply)
                continue
            self._busy, self._writing = True, reply
            self._write(records, partial(self._written, change, reply))

    def _written(self, change: Change, reply: Reply[Any] | None, error: KafkaError | None) -> None:
        self._busy, self._writing = False, None
        if self._over is not None:
            return
        if error is None:
            self._takes_effect(change, reply)
        else:
            self._failed(change)
            if reply is not None:
                reply.answer(error)
            elif change.again is not None:
                change.again()
        self._go_on()

    def _takes_effect(self, change: Change, reply: Reply[Any] | None) -> None:
        self._effect(change)
        if reply is not None and change.answer is not None:
            reply.answer(change.answer)


def _encoded(draft: Draft) -> list[LogRecord]:
    return [(encode_key(key), None if value is None else encode_value(value)) for key, value in draft.records]
