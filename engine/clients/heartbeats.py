"""A member's heartbeats, after `AbstractCoordinator.HeartbeatThread`: sent beside everything else, and what is heard.

A coordinator that is not heard for a whole session is looked for anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.clients.coordination import MOVED_ON, CoordinatorLink
from engine.clock import Clock
from engine.errors import FencedInstanceIdError, KafkaError, RebalanceInProgressError
from engine.messages import HeartbeatRequest


class Member(Protocol):
    """Whose heart beats."""

    member_id: str
    generation: int
    heartbeating: bool

    @property
    def joining(self) -> bool:
        """Whether it waits for JoinGroup's answer."""
        ...

    def request_rejoin(self, reason: str) -> None:
        """The group rebalances."""

    def fenced(self, error: FencedInstanceIdError) -> None:
        """Another consumer took its place."""

    def moved_on(self, error: KafkaError) -> None:
        """The group went on without it."""


class Heartbeats:
    """Of one member; times in ms. `on_error(error)` gets what will not pass by itself."""

    def __init__(
        self,
        member: Member,
        link: CoordinatorLink,
        clock: Clock,
        *,
        group_instance_id: str | None,
        interval_ms: float,
        session_timeout_ms: float,
        retry_backoff_ms: float,
        on_error: Callable[[BaseException], None],
    ) -> None:
        self._member = member
        self._link = link
        self._clock = clock
        self._group_instance_id = group_instance_id
        self._interval_ms = interval_ms
        self._session_timeout_ms = session_timeout_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._on_error = on_error

    async def beat(self) -> None:
        """Send one each interval, while there is a group to send it to; runs until cancelled."""
        member, pause, heard_ms = self._member, self._interval_ms, self._clock.now_ms()
        while True:
            await self._clock.sleep(pause)
            pause = self._interval_ms
            if member.generation < 0 or member.joining:
                heard_ms = self._clock.now_ms()  # who waits for JoinGroup's answer is taken to be alive
            elif not member.heartbeating:
                continue
            elif await self._once():
                heard_ms = self._clock.now_ms()
            else:
                pause = self._retry_backoff_ms
                if self._clock.now_ms() - heard_ms > self._session_timeout_ms:
                    self._link.forget()

    async def _once(self) -> bool:
        """Whether the coordinator was heard."""
        member = self._member
        sender = member.member_id, member.generation
        request = HeartbeatRequest(self._link.group_id, member.generation, member.member_id, self._group_instance_id)
        try:
            await self._link.call(request)
        except KafkaError as error:
            if sender != (member.member_id, member.generation):
                return True  # about a member this one no longer is
            if isinstance(error, RebalanceInProgressError):
                member.request_rejoin("the group is rebalancing")
                return True
            if isinstance(error, FencedInstanceIdError):
                member.fenced(error)
                return True
            if isinstance(error, MOVED_ON):
                member.moved_on(error)
                return True
            if not error.retriable:
                self._on_error(error)
            return False
        return True
