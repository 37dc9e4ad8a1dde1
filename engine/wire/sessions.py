"""Incremental fetch sessions (KIP-227): what a client fetches is remembered, so that it names only what has changed.

Rules from `kafka.server.FetchSessionCache`, `FullFetchContext` and `IncrementalFetchContext`. Times are real, in s.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engine.errors import ErrorCode
from engine.messages import FetchedPartition

FINAL_EPOCH, INITIAL_EPOCH = -1, 0
_MOST = 2**31 - 1
_EVICTABLE_AFTER_S = 120.0

Key = tuple[str | bytes, int]
"""A partition as the client names it: by topic or topic id, and its number."""


@dataclass(slots=True)
class Wanted:
    """One partition a client fetches, and what it was last told of it."""

    fetch_offset: int
    max_bytes: int
    leader_epoch: int
    last_fetched_epoch: int
    told_watermark: int = -1
    told_start: int = -1

    def news_in(self, found: FetchedPartition) -> bool:
        """Whether the client has to be told; remembers what it is told."""
        if found.error:
            self.told_watermark = -1  # so that it is told when the error is over
            return True
        changed = (found.high_watermark, found.log_start_offset) != (self.told_watermark, self.told_start)
        self.told_watermark, self.told_start = found.high_watermark, found.log_start_offset
        return changed or bool(found.batches) or found.diverging is not None


@dataclass(slots=True)
class FetchSession:
    """What one client fetches, in the order it is to be served."""

    session_id: int
    by_id: bool
    """Whether topics are named by id (Fetch 13 and later)."""
    epoch: int = INITIAL_EPOCH
    partitions: dict[Key, Wanted] = field(default_factory=dict)
    used_at: float = 0.0

    def update(self, wanted: Iterable[tuple[Key, Wanted]], forgotten: Iterable[Key]) -> None:
        """Take in what the client changed."""
        for key, new in wanted:
            old = self.partitions.get(key)
            if old is None:
                self.partitions[key] = new
            else:
                old.fetch_offset, old.max_bytes = new.fetch_offset, new.max_bytes
                old.leader_epoch, old.last_fetched_epoch = new.leader_epoch, new.last_fetched_epoch
        for key in forgotten:
            self.partitions.pop(key, None)

    def served(self, key: Key) -> None:
        """This one was answered with records: the others come first next time."""
        self.partitions[key] = self.partitions.pop(key)


class FetchSessions:
    """The sessions of one broker; as many as `max.incremental.fetch.session.cache.slots`."""

    def __init__(self, slots: int, now: Callable[[], float]) -> None:
        self._slots = slots
        self._now = now
        self._sessions: dict[int, FetchSession] = {}

    def begin(self, *, by_id: bool) -> FetchSession | None:
        """A session that begins with a full fetch; None if there is no room."""
        now = self._now()
        if len(self._sessions) >= self._slots:
            oldest = min(self._sessions.values(), key=lambda session: session.used_at, default=None)
            if oldest is None or now - oldest.used_at < _EVICTABLE_AFTER_S:
                return None
            del self._sessions[oldest.session_id]
        session_id = secrets.randbelow(_MOST) + 1
        while session_id in self._sessions:
            session_id = secrets.randbelow(_MOST) + 1
        session = FetchSession(session_id, by_id, used_at=now)
        self._sessions[session_id] = session
        return session

    def go_on(self, session_id: int, epoch: int, *, by_id: bool) -> FetchSession | ErrorCode:
        """The session that a client goes on with, or why it cannot."""
        session = self._sessions.get(session_id)
        if session is None:
            return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        if session.by_id is not by_id:
            return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
        if epoch != session.epoch + 1 and not (epoch == 1 and session.epoch == _MOST):
            return ErrorCode.INVALID_FETCH_SESSION_EPOCH
        session.epoch = epoch
        session.used_at = self._now()
        return session

    def end(self, session_id: int) -> None:
        """Forget a session; harmless if there is none."""
        self._sessions.pop(session_id, None)
