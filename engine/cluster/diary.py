"""What a lab remembers of its past when it is opened again: what happened, and each group's rebalances.

Written once a second and on closing, only what is new, each page bounded; a killed program forgets the last second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import takewhile
from typing import Any

from engine.events import Event, EventLog, Told, Tone
from engine.snapshot import GroupProtocol, Move, Phase, Rebalance
from engine.storage.metadata import MetadataStore
from engine.types import TopicPartition

EVENTS = 1_000
_HAPPENED, _GROUP = "happened", "group "


class Diary:
    """Keeps what the event log holds in the lab's file."""

    def __init__(self, store: MetadataStore, events: EventLog) -> None:
        self._store = store
        self._events = events
        self._written = 0
        """How many events are in the file, or were too old to be."""
        self._newest: dict[str, Rebalance] = {}
        """The last rebalance of each group that is in the file."""

    async def recall(self) -> None:
        """Take up what was written."""
        for page, entries in (await self._store.diary()).items():
            if page == _HAPPENED:
                self._events.recall(
                    Told(at_ms=at, subject=of, text=text, how=Tone(how)) for at, of, text, how in entries
                )
                self._written = len(entries)
            else:
                group_id = page.removeprefix(_GROUP)
                past = self._events.rebalances_of(group_id)
                past.extend(map(_rebalance, entries))
                self._newest[group_id] = past[-1]

    async def write(self) -> None:
        """Put down what is new; raises KafkaStorageError."""
        pages: dict[str, Sequence[Any]] = {}
        keep = {_GROUP + group_id: 0 for group_id in self._newest.keys() - self._events.rebalances.keys()}
        if fresh := min(self._events.count - self._written, EVENTS):
            pages[_HAPPENED], keep[_HAPPENED] = [_told(event) for event in self._events.last(fresh)], EVENTS
        newest = {group_id: past[-1] for group_id, past in self._events.rebalances.items() if past}
        for group_id, last in newest.items():
            if last is not self._newest.get(group_id):
                page, past = _GROUP + group_id, self._events.rebalances[group_id]
                pages[page], keep[page] = [_plain(each) for each in self._since(group_id, past)], len(past)
        if keep:
            count = self._events.count
            await self._store.write_diary(pages, keep)
            self._written, self._newest = count, newest

    def _since(self, group_id: str, past: deque[Rebalance]) -> list[Rebalance]:
        """Those that are not in the file yet, oldest first."""
        written = self._newest.get(group_id)
        return [*takewhile(lambda each: each is not written, reversed(past))][::-1]


def _told(event: Event) -> list[Any]:
    return [event.at_ms, event.subject, event.sentence(), event.tone.value]


def _plain(rebalance: Rebalance) -> dict[str, Any]:
    moves = [[*move.tp, move.from_, move.to, move.unserved_ms] for move in rebalance.moves]
    return {**asdict(rebalance), "moves": moves, "protocol": rebalance.protocol.value}


def _rebalance(kept: dict[str, Any]) -> Rebalance:
    return Rebalance(
        **{
            **kept,
            "phases": tuple(Phase(**phase) for phase in kept["phases"]),
            "moves": tuple(_moves(kept["moves"])),
            "protocol": GroupProtocol(kept["protocol"]),
            **{name: tuple(kept[name]) for name in ("joined", "left", "dropped")},
        }
    )


def _moves(kept: Iterable[Sequence[Any]]) -> Iterable[Move]:
    return (Move(TopicPartition(topic, partition), *rest) for topic, partition, *rest in kept)
