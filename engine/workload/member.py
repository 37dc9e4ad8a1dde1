"""A spawned consumer as a member of its group: how it begins, ends and is kept, where it stands, and what it commits.

Commits are of what has been processed, never of what was merely fetched. Given up in the middle of a poll, or stopped,
a consumer commits to the very record it has processed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.clients.consumer import Consumer
from engine.clock import Clock
from engine.errors import ClientClosedError, KafkaError
from engine.metrics import Meter
from engine.snapshot import ClientState
from engine.types import TopicPartition
from engine.workload.driven import Driven
from engine.workload.listening import Listener
from engine.workload.spec import ConsumerSpec
from engine.workload.standing import Standing


class DrivenMember(Driven):
    """A consumer and what it owns. `on_change(self)` is called when its partitions change, and now and then."""

    def __init__(
        self,
        spec: ConsumerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenMember, Mapping[str, Any] | None], Consumer],
        on_change: Callable[[DrivenMember], None],
        on_end: Callable[[Driven, BaseException], None],
    ) -> None:
        super().__init__(name, clock, total, on_end)
        self.spec = spec
        self.processed = 0
        self.client: Consumer | None = None
        self.joining = ""
        """"joining" or "rejoining" its group; empty while it knows its partitions."""
        self._make = make
        self._on_change = on_change
        self._standing: Standing | None = None
        self._membership: Mapping[str, Any] | None = None
        self._beats = True

    # Beginning and ending

    async def start(self, membership: Mapping[str, Any] | None = None) -> None:
        """Make a client, as the member it was if `membership` says so, and work; raises KafkaError."""
        client = self._make(self, membership)
        client.subscribe(topics=self.spec.topics, listener=Listener(self))
        self.client, self._standing = client, Standing(client)
        self.state = ClientState.PAUSED if self.spec.paused else ClientState.RUNNING
        self.joining, self.last_error, self._beats = "joining", "", True
        try:
            await client.start()
        except BaseException:
            client.crash()
            self._gone(client, ClientState.STOPPED)
            raise
        self._begin()

    async def stop(self) -> None:
        """Leave off after the record at hand, commit by the rule, leave the group."""
        await self._end()
        client = self.client
        if client is None:
            return
        try:
            self._beats = True
            if self._standing is not None and self.spec.commit != "before":
                await self._commit_all(client, self._standing)
            await client.stop()
        except BaseException:
            client.crash()
            raise
        finally:
            self._gone(client, ClientState.STOPPED)

    def crash(self) -> None:
        """End at once: no commit, no goodbye."""
        self._cut()
        client = self.client
        if client is not None:
            client.crash()
        self._gone(client, ClientState.CRASHED)

    async def suspend(self) -> None:
        """End as the world stops: in silence, to go on later as the same member from where it stands."""
        await self._end()
        if self.client is not None:
            self._put_back()
            self._membership = self.client.membership()
            self.client.crash()
            self.client = self._standing = None

    def kept(self) -> dict[str, Any]:
        """Plain values to go on from later."""
        return {
            "spec": self.spec.to_json(),
            "state": self.state.value,
            "membership": self._who() or self._membership,
            "heartbeating": self._beats,
            "processed": self.processed,
            "last_error": self.last_error,
            "meter": self.meter.kept(),
        }

    def _who(self) -> dict[str, Any] | None:
        """Who it is, but not where it stands: after a kill it goes on from what is committed, as after any crash."""
        return {**self.client.membership(), "positions": []} if self.client is not None else None

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on from what was kept."""
        self.state = ClientState(data["state"])
        self._membership = data["membership"]
        self._beats = data["heartbeating"]
        self.processed = data["processed"]
        self.last_error = data["last_error"]
        if "meter" in data:
            self.meter.recall(data["meter"])

    def _gone(self, client: Consumer | None, state: ClientState) -> None:
        if self.client is client:
            self.client = self._standing = self._membership = None
            self.state = state
            self._on_change(self)

    # Where it stands

    def position(self, tp: TopicPartition) -> int | None:
        """The next offset it will process; None when the partition is not its own or not known yet."""
        return self._standing.position(tp) if self._standing is not None else None

    def positions(self) -> tuple[tuple[TopicPartition, int], ...]:
        """The positions known of its partitions, in order."""
        return self._standing.positions() if self._standing is not None else ()

    def owns(self, tp: TopicPartition) -> bool:
        """Whether it takes the partition for its own."""
        return self._standing is not None and self._standing.owns(tp)

    def assignment(self) -> set[TopicPartition]:
        """The partitions it takes for its own."""
        return self._standing.assignment() if self._standing is not None else set()

    def at_record(self) -> str:
        """The record being processed, as "orders-3 @ 1204"; empty when there is none."""
        return self._standing.at_record() if self._standing is not None else ""

    @property
    def generation(self) -> int:
        """The generation of its group that it is of; -1 while of none."""
        return self.client.generation if self.client is not None else -1

    def _leave_off(self, standing: Standing) -> None:
        """Spend no more time on a record that was dropped."""
        if not standing.at_record():
            self._nap.wake()

    def _put_back(self) -> None:
        if self._standing is not None:
            self._standing.put_back()

    # Committing

    async def _commit_all(self, client: Consumer, standing: Standing) -> None:
        await self._commit(client, standing, standing.uncommitted(client.assignment()))

    async def _commit(self, client: Consumer, standing: Standing, offsets: dict[TopicPartition, int]) -> None:
        if not offsets or not self._beats:
            return  # a commit is a sign of life to the coordinator, and this one has to be silent
        try:
            await client.commit(client.to_commit(offsets))
        except ClientClosedError:
            raise
        except KafkaError as error:
            self.failed_with(error)
        else:
            standing.committed(offsets)

    async def give_up(self, revoked: Iterable[TopicPartition], commit: bool) -> None:
        """Partitions go to others: commit what was processed of them, unless they are lost already."""
        revoked, client, standing = set(revoked), self.client, self._standing
        if client is None or standing is None:
            return
        offsets = standing.uncommitted(revoked) if commit and self.spec.commit != "before" else {}
        standing.give_up(revoked)
        if revoked:
            self.joining = "rejoining"
        self._leave_off(standing)
        self._on_change(self)
        await self._commit(client, standing, offsets)

    def take_over(self, assigned: Iterable[TopicPartition]) -> None:
        """Partitions are its own from now on."""
        assigned, client, standing = set(assigned), self.client, self._standing
        if client is None or standing is None:
            return
        standing.take_over(assigned)
        self.joining = ""
        if self.state is ClientState.PAUSED and assigned:
            client.pause(*assigned)
        self._on_change(self)
