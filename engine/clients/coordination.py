"""A consumer's way to its group's coordinator: which broker that is, and what is committed there.

After the request side of `AbstractCoordinator` and `ConsumerCoordinator`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from engine.clients.connection import Connection
from engine.clock import Clock
from engine.errors import (
    CommitFailedError,
    CoordinatorNotAvailableError,
    ErrorCode,
    FencedInstanceIdError,
    GroupIdNotFoundError,
    IllegalGenerationError,
    KafkaError,
    NetworkError,
    NotCoordinatorError,
    RebalanceInProgressError,
    RequestTimedOutError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    UnstableOffsetCommitError,
    error_for,
)
from engine.messages import CoordinatorType, FindCoordinatorRequest, OffsetCommitRequest, OffsetFetchRequest, Request
from engine.types import MOST_OFFSET, OffsetAndMetadata, TopicPartition

R = TypeVar("R")

_ELSEWHERE = (NotCoordinatorError, CoordinatorNotAvailableError, NetworkError, RequestTimedOutError)
MOVED_ON = (UnknownMemberIdError, IllegalGenerationError, FencedInstanceIdError, GroupIdNotFoundError)
"""What a coordinator says to a member of a group that went on without it."""


class CoordinatorLink:
    """Finds the coordinator of one group and talks to it; forgets it when it turns out to be another broker.

    For a transactional id, given in the place of the group's, it does the same.
    """

    def __init__(
        self,
        group_id: str,
        connection: Connection,
        clock: Clock,
        retry_backoff_ms: float,
        kind: CoordinatorType = CoordinatorType.GROUP,
    ) -> None:
        self.group_id = group_id
        self._kind = kind
        self._connection = connection
        self._clock = clock
        self._retry_backoff_ms = retry_backoff_ms
        self._finding = asyncio.Lock()
        self.broker_id: int | None = None
        """The coordinator, None while it is not known."""

    async def call(self, request: Request[R], timeout_ms: float | None = None) -> R:
        """The coordinator's answer; raises KafkaError."""
        broker_id = await self._find()
        try:
            return await self._connection.call(broker_id, request, timeout_ms)
        except _ELSEWHERE:
            self.forget()
            raise

    def forget(self) -> None:
        """Look for it anew with the next request."""
        self.broker_id = None

    def heard(self, error: KafkaError | None) -> None:
        """An answer said so of a part of what was asked: it may mean that another broker is to be asked."""
        if isinstance(error, _ELSEWHERE):
            self.forget()

    async def _find(self) -> int:
        async with self._finding:
            if self.broker_id is None:
                found = await self._connection.call_any(FindCoordinatorRequest(self.group_id, self._kind))
                self.broker_id = found.broker_id
            return self.broker_id

    async def retrying(self, request: Request[R], within_ms: float) -> R:
        """The coordinator's answer, asking again after retriable errors for `within_ms`; raises KafkaError."""
        deadline = self._clock.now_ms() + within_ms
        while True:
            try:
                return await self.call(request)
            except KafkaError as error:
                if not error.retriable or self._clock.now_ms() + self._retry_backoff_ms > deadline:
                    raise
            await self._clock.sleep(self._retry_backoff_ms)

    async def committed(
        self, partitions: Sequence[TopicPartition], within_ms: float | None = None
    ) -> Mapping[TopicPartition, OffsetAndMetadata]:
        """What the group has committed of these; partitions without a commit are left out.

        As long as a transaction over one of them is open, it is asked again (KIP-447); UnstableOffsetCommitError in the
        end.
        """
        within = self._connection.request_timeout_ms if within_ms is None else within_ms
        deadline = self._clock.now_ms() + within
        while True:
            left = deadline - self._clock.now_ms()
            request = OffsetFetchRequest(self.group_id, tuple(partitions), require_stable=True)
            response = await self.retrying(request, left)
            if not response.unstable:
                return response.offsets
            if left < self._retry_backoff_ms:
                raise UnstableOffsetCommitError(
                    f"A transaction over {', '.join(map(str, sorted(response.unstable)))} is still open."
                )
            await self._clock.sleep(self._retry_backoff_ms)

    async def commit(self, request: OffsetCommitRequest, within_ms: float) -> None:
        """Commit, asking again after retriable errors for `within_ms`.

        Raises RebalanceInProgressError, CommitFailedError when the group went on without this member, KafkaError.
        """
        deadline = self._clock.now_ms() + within_ms
        while True:
            try:
                await self._commit_once(request)
                return
            except (*MOVED_ON, GroupIdNotFoundError) as error:
                raise CommitFailedError(
                    f"The offsets were not committed: {self.group_id} went on without this member and may have given "
                    f"its partitions to others ({error}) Poll to join again; records not committed come again."
                ) from error
            except RebalanceInProgressError:
                raise
            except UnknownTopicOrPartitionError:
                raise  # the topic was deleted: the others' offsets are committed, and these cannot be
            except KafkaError as error:
                if not error.retriable or self._clock.now_ms() + self._retry_backoff_ms > deadline:
                    raise
            await self._clock.sleep(self._retry_backoff_ms)

    async def _commit_once(self, request: OffsetCommitRequest) -> None:
        response = await self.call(request)
        for tp, code in response.errors.items():
            if code != ErrorCode.NONE:
                error = error_for(code, f"{tp} could not be committed: {error_for(code)}")
                self.heard(error)
                raise error


def offsets_given(offsets: Mapping[TopicPartition, Any]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Offsets as an application may write them; ValueError for what cannot be one."""
    wanted = {}
    for tp, given in offsets.items():
        try:
            commit = OffsetAndMetadata(*given) if isinstance(given, tuple) else OffsetAndMetadata(given)
        except TypeError:
            commit = OffsetAndMetadata(-1)
        number = isinstance(commit.offset, int) and 0 <= commit.offset <= MOST_OFFSET
        if not number or not isinstance(commit.metadata, str):
            raise ValueError(f"{tp}: commit an offset from 0, or (offset, metadata), not {given!r}.")
        wanted[TopicPartition(*tp)] = commit
    return wanted
