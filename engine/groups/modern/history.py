"""The rebalances of a group of the consumer protocol: each from the epoch that began it to the last member's arrival.

The phases are those of the group: Assigning while its target is older than its epoch, Reconciling while members are on
their way to the target. A partition is served until its owner has said that it gave it up, and again from the moment
the next owner is told of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.groups.reasons import names
from engine.groups.rebalance import History, UnderWay
from engine.snapshot import GroupProtocol, GroupState, Phase, Rebalance
from engine.types import TopicPartition


class EpochHistory(History):
    """Watches one group by its epochs."""

    def bumped(self, cause: str, before: int, epoch: int, at_ms: float) -> None:
        """The group enters another epoch: a rebalance begins, or the one under way has more to do."""
        assigning = Phase(GroupState.ASSIGNING.value, "the next heartbeat makes the coordinator decide", at_ms, None)
        joined, left, dropped = (self._noted.pop(what, []) for what in ("joined", "left", "dropped"))
        now = self._now
        if now is None:
            self._begins_at(before)
            self._now = UnderWay(before, epoch, [cause], "", True, at_ms, [assigning], joined, left, dropped)
        else:
            self._close_phase(at_ms)
            now.to_generation = epoch
            now.causes.append(cause)
            now.phases.append(assigning)
            now.joined += joined
            now.left += left
            now.dropped += dropped
        self._shown = None

    def decided(
        self,
        assignor: str,
        shares: Mapping[str, frozenset[TopicPartition]],
        topics: frozenset[str],
        at_ms: float,
    ) -> None:
        """The coordinator has said whose each partition of the subscribed `topics` is to be."""
        if self._now is None:
            return
        self.assigned(shares, topics, at_ms)
        self._now.assignor = assignor
        given = {tp: member_id for member_id, share in shares.items() for tp in share}
        moving = [tp for tp, member_id in given.items() if self.server_of(tp) not in (None, member_id)]
        givers = dict.fromkeys(self._name(self._server[tp]) for tp in sorted(moving))
        verb = "has" if len(givers) == 1 else "have"
        sentence = (
            f"{names(givers)} {verb} to give up {names(sorted(moving))}; all others go on"
            if moving
            else "nobody has to give up anything; what is free is taken over"
        )
        self._now.phases.append(Phase(GroupState.RECONCILING.value, sentence, at_ms, None))
        self._shown = None

    def emptied_at(self, at_ms: float) -> Rebalance | None:
        """Nobody is left: the rebalance ends with every partition nobody's."""
        if self._now is not None:
            self._now.given = {}
            self._now.phases[-1] = replace(self._now.phases[-1], sentence="nobody is left")
        return self.ended(at_ms)

    def _build(self, now: UnderWay, ended_ms: float | None) -> Rebalance:
        return replace(super()._build(now, ended_ms), protocol=GroupProtocol.CONSUMER)
