"""What a leader knows of its followers, and what follows from it: the high watermark and who is in sync.

Pure: it decides, `Partition` does. Rules from `kafka.cluster.Partition` and `kafka.cluster.Replica`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

UNKNOWN = -1


@dataclass(slots=True)
class Follower:
    """How far one follower has come, as its fetches tell. Offsets of its log end; times in lab ms."""

    log_end_offset: int = UNKNOWN
    last_fetch_ms: float = 0.0
    leader_end_at_last_fetch: int = 0
    caught_up_ms: float = 0.0
    """When it last had everything the leader had (`lastCaughtUpTimeMs`)."""
    broker_epoch: int = UNKNOWN
    """In which life of its broker it fetched."""

    def eligible(self, epoch: int | None) -> bool:
        """Whether it may be in sync: its broker is alive (None: dead), in the life in which it fetched (KIP-903)."""
        return epoch is not None and self.broker_epoch in (UNKNOWN, epoch)

    def fetched(self, offset: int, leader_end: int, now_ms: float) -> None:
        """It asks for `offset`, so it has all before; the leader's log ends at `leader_end`."""
        if offset >= leader_end:
            self.caught_up_ms = max(self.caught_up_ms, now_ms)
        elif offset >= self.leader_end_at_last_fetch:
            self.caught_up_ms = max(self.caught_up_ms, self.last_fetch_ms)
        self.log_end_offset = offset
        self.leader_end_at_last_fetch = leader_end
        self.last_fetch_ms = now_ms


class Leadership:
    """One leader epoch of one partition, on the broker that leads.

    `isr` is what the controller last agreed to. While an expansion is under way, the brokers it would add count for
    the high watermark already (the maximal ISR), so that no record is exposed that a coming member lacks.
    """

    def __init__(
        self,
        leader: int,
        epoch: int,
        replicas: Iterable[int],
        isr: Iterable[int],
        epoch_start_offset: int,
        high_watermark: int,
        now_ms: float,
    ) -> None:
        self.leader = leader
        self.epoch = epoch
        self.isr = frozenset(isr)
        self.epoch_start_offset = epoch_start_offset
        self.high_watermark = high_watermark
        self.proposed: frozenset[int] | None = None
        """The ISR asked of the controller and not yet answered."""
        self.unsure: deque[tuple[int, int]] = deque()
        """First and last offsets of what was acknowledged with acks=1 and lies beyond the high watermark."""
        self.followers = {
            broker_id: Follower(caught_up_ms=now_ms if broker_id in self.isr else 0.0)
            for broker_id in replicas
            if broker_id != leader
        }

    def agreed(self, replicas: Iterable[int], isr: Iterable[int]) -> None:
        """The controller has another ISR, or other replicas, in the same epoch."""
        self.isr, self.proposed = frozenset(isr), None
        self.followers = {
            broker_id: self.followers.get(broker_id) or Follower() for broker_id in replicas if broker_id != self.leader
        }

    @property
    def maximal_isr(self) -> frozenset[int]:
        """Who is in sync, with those who would be if the controller agrees."""
        return self.isr | (self.proposed or frozenset())

    def effective_min_insync(self, min_insync: int) -> int:
        """`min.insync.replicas`, as far as there are replicas."""
        return min(min_insync, len(self.followers) + 1)

    def followed(
        self, broker_id: int, offset: int, leader_end: int, now_ms: float, broker_epoch: int = UNKNOWN
    ) -> None:
        """A follower's fetch at `offset`."""
        follower = self.followers[broker_id]
        follower.fetched(offset, leader_end, now_ms)
        follower.broker_epoch = broker_epoch

    def advance(
        self, leader_end: int, min_insync: int, lag_max_ms: float, now_ms: float, alive: Mapping[int, int]
    ) -> bool:
        """Move the high watermark up to the least log end of those that count; whether it moved.

        Below `min_insync` members it stays (KIP-966). `alive` are the brokers with their epochs: a replica out of sync
        that is alive and close behind counts as well, so that it can catch up with the high watermark and come in.
        """
        if len(self.isr) < self.effective_min_insync(min_insync):
            return False
        least = leader_end
        for broker_id, follower in self.followers.items():
            near = follower.log_end_offset == leader_end or now_ms - follower.caught_up_ms <= lag_max_ms
            if broker_id in self.maximal_isr or (near and follower.eligible(alive.get(broker_id))):
                least = min(least, follower.log_end_offset)
        if least <= self.high_watermark:
            return False
        self.high_watermark = least
        while self.unsure and self.unsure[0][1] < least:
            self.unsure.popleft()
        return True

    def acknowledged_alone(self, first: int, last: int) -> None:
        """These offsets were acknowledged with acks=1, whoever has copied them; some of them perhaps not for the first
        time."""
        if last < self.high_watermark or (self.unsure and last <= self.unsure[-1][1]):
            return
        if self.unsure and first == self.unsure[-1][1] + 1:
            first, _ = self.unsure.pop()
        self.unsure.append((first, last))

    def lost(self, log_end: int) -> tuple[int, int]:
        """How many offsets are gone if a log that ends there takes the place of this leader's: of those acknowledged
        with acks=1 and never committed, and of those committed."""
        start = max(log_end, self.high_watermark)
        alone = sum(last - max(first, start) + 1 for first, last in self.unsure if last >= start)
        return alone, max(0, self.high_watermark - log_end)

    def joiners(self, alive: Mapping[int, int]) -> frozenset[int]:
        """Who may come into the ISR: alive, at the high watermark and past the start of this epoch."""
        reach = max(self.high_watermark, self.epoch_start_offset)
        return frozenset(
            broker_id
            for broker_id, follower in self.followers.items()
            if broker_id not in self.maximal_isr
            and follower.eligible(alive.get(broker_id))
            and follower.log_end_offset >= reach
        )

    def laggards(self, leader_end: int, lag_max_ms: float, now_ms: float) -> frozenset[int]:
        """Who has to leave the ISR: behind, and not caught up within `replica.lag.time.max.ms`."""
        return frozenset(
            broker_id
            for broker_id, follower in self.followers.items()
            if broker_id in self.isr
            and follower.log_end_offset != leader_end
            and now_ms - follower.caught_up_ms > lag_max_ms
        )
