"""The history of a group's rebalances: cause, phases, who went where, and how long nobody served each partition.

A coordinator does not see records being processed. It takes a partition to be served from the moment its owner is
given it (SyncGroup answered) until that owner joins again without naming it as owned (an eager member has revoked
everything by then), is given an assignment without it, leaves, or was last heard of before it fell silent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from engine.groups.reasons import names, seconds
from engine.snapshot import GroupState, Move, Phase, Rebalance
from engine.types import TopicPartition

NOTHING: frozenset[TopicPartition] = frozenset()


@dataclass(slots=True)
class UnderWay:
    """The rebalance that goes on, as far as it has come."""

    from_generation: int
    to_generation: int
    causes: list[str]
    assignor: str
    cooperative: bool
    began_ms: float
    phases: list[Phase]
    joined: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    leader: str | None = None
    late: list[str] = field(default_factory=list)
    """Who came back in the present phase, the last one last."""
    gaps: dict[TopicPartition, float] = field(default_factory=dict)
    """How long each partition that is served again had not been."""
    given: dict[TopicPartition, str] | None = None
    """Whose each partition is from now on, once the leader has said so."""
    topics: frozenset[str] | None = None
    """What the new generation subscribes to, where that is known."""


class History:
    """Watches one group and adds to its last rebalances, `past`. Members are told apart by id and named by label."""

    def __init__(self, group_id: str, past: deque[Rebalance]) -> None:
        self._group_id = group_id
        self._past = past
        self._now: UnderWay | None = None
        self._shown: tuple[Rebalance, ...] | None = None
        self._labels: dict[str, str] = {}
        self._owners: dict[TopicPartition, str] = {}
        """Member ids, by the last assignment."""
        self._serves: dict[str, frozenset[TopicPartition]] = {}
        self._server: dict[TopicPartition, str] = {}
        self._idle_since: dict[TopicPartition, float] = {}
        self._given_up: dict[str, frozenset[TopicPartition]] = {}
        self._noted: dict[str, list[str]] = {}
        """Who joined, left and was dropped since the last rebalance was decided: part of the next one."""

    # Who serves what

    def served_by(self, member_id: str) -> frozenset[TopicPartition]:
        """What a member serves, as far as its coordinator knows."""
        return self._serves.get(member_id, NOTHING)

    def server_of(self, tp: TopicPartition) -> str | None:
        """The id of the member that serves `tp`."""
        return self._server.get(tp)

    def given_up_by(self, member_id: str) -> frozenset[TopicPartition]:
        """What a member kept while it rejoined, was then not given, and nobody has been given since."""
        return frozenset(tp for tp in self._given_up.get(member_id, NOTHING) if tp not in self._server)

    def stops(self, member_id: str, at_ms: float, keeps: Iterable[TopicPartition] = ()) -> None:
        """The member serves nothing any more, or only what it `keeps` of what it served."""
        before = self.served_by(member_id)
        after = before & frozenset(keeps)
        if after == before:
            return
        for tp in before - after:
            if self._server.get(tp) == member_id:
                del self._server[tp]
                self._idle_since[tp] = at_ms
        self._serves[member_id] = after
        self._shown = None

    def serves(self, member_id: str, partitions: frozenset[TopicPartition], at_ms: float) -> None:
        """The member has been given exactly these."""
        lost = self.served_by(member_id) - partitions
        self.stops(member_id, at_ms, partitions)
        self._given_up[member_id] = lost
        for tp in partitions - self.served_by(member_id):
            if (other := self._server.get(tp)) is not None:
                self._serves[other] -= {tp}
            if self._now is not None:
                since = self._idle_since.get(tp, self._now.began_ms if tp not in self._server else at_ms)
                self._now.gaps[tp] = self._now.gaps.get(tp, 0.0) + at_ms - since
            self._idle_since.pop(tp, None)
            self._server[tp] = member_id
        self._serves[member_id] = partitions
        self._shown = None

    def gone(self, member_id: str, what: str, at_ms: float) -> None:
        """The member is no more; `what` is "left" or "dropped". It served until `at_ms`."""
        self.stops(member_id, at_ms)
        self._note(what, member_id)
        self._serves.pop(member_id, None)
        self._given_up.pop(member_id, None)

    def rename(self, old_id: str, new_id: str, label: str) -> None:
        """A static member is back under another id; what was its own still is."""
        self._labels[new_id] = label
        self._serves[new_id] = self._serves.pop(old_id, NOTHING)
        self._server = {tp: new_id if owner == old_id else owner for tp, owner in self._server.items()}
        self._owners = {tp: new_id if owner == old_id else owner for tp, owner in self._owners.items()}
        if self._now is not None and self._now.given is not None:
            self._now.given = {tp: new_id if to == old_id else to for tp, to in self._now.given.items()}
        self._given_up.pop(old_id, None)
        self._labels.pop(old_id, None)
        self._shown = None

    def loaded(self, labels: Mapping[str, str], shares: Mapping[str, frozenset[TopicPartition]]) -> None:
        """Take over what a stored generation says; its members are taken to be at work."""
        self._labels.update(labels)
        for member_id, partitions in shares.items():
            self._serves[member_id] = partitions
            self._owners.update(dict.fromkeys(partitions, member_id))
        self._server = dict(self._owners)

    def drop_topic(self, topic: str) -> None:
        """The topic is gone, and nobody misses its partitions."""
        for tp in [tp for tp in (*self._owners, *self._server, *self._idle_since) if tp.topic == topic]:
            self._owners.pop(tp, None)
            self._server.pop(tp, None)
            self._idle_since.pop(tp, None)
        self._serves = {
            member_id: frozenset(tp for tp in held if tp.topic != topic) for member_id, held in self._serves.items()
        }
        self._shown = None

    # A rebalance from its beginning to its end

    def began(self, cause: str, sentence: str, generation: int, assignor: str, cooperative: bool, at_ms: float) -> None:
        """The group prepares. A rebalance cut short before anybody was given anything goes on as the same one."""
        if self._now is not None and self._now.given is not None:
            self.ended(at_ms)
        preparing = Phase(GroupState.PREPARING_REBALANCE.value, sentence, at_ms, None)
        if self._now is None:
            self._begins_at(generation)
            joined, left, dropped = (self._noted.pop(what, []) for what in ("joined", "left", "dropped"))
            self._now = UnderWay(
                generation, generation + 1, [cause], assignor, cooperative, at_ms, [preparing], joined, left, dropped
            )
        else:
            self._close_phase(at_ms)
            self._now.causes.append(cause)
            self._now.phases.append(preparing)
            self._now.late.clear()
        self._shown = None

    def _begins_at(self, generation: int) -> None:
        """Drop what led further than that: the coordinator could not store it before another took over."""
        while self._past and self._past[-1].to_generation > generation:
            self._past.pop()

    def joined(self, member_id: str, label: str) -> None:
        """A member is in it that was not in the group before."""
        self._labels[member_id] = label
        self._serves[member_id] = NOTHING
        self._note("joined", member_id)

    def came_back(self, member_id: str) -> None:
        """A member did what the present phase waits for."""
        if self._now is not None:
            self._now.late.append(self._name(member_id))

    def chose(
        self, generation: int, assignor: str, cooperative: bool, leader: str, missing: Iterable[str], at_ms: float
    ) -> None:
        """Everybody is in but those who were `missing` (labels), and the leader is to share out the partitions."""
        if self._now is None:
            return
        self._close_phase(at_ms, self._how_it_went(list(missing)))
        self._now.to_generation, self._now.assignor, self._now.cooperative = generation, assignor, cooperative
        self._now.leader = self._name(leader)
        self._now.late.clear()
        sentence = f"{self._now.leader}, the leader, shares out the partitions by {assignor}; the others wait for it"
        self._now.phases.append(Phase(GroupState.COMPLETING_REBALANCE.value, sentence, at_ms, None))
        self._shown = None

    def assigned(
        self, shares: Mapping[str, frozenset[TopicPartition]], topics: frozenset[str] | None, at_ms: float
    ) -> None:
        """The leader has said whose each partition of the subscribed `topics` is."""
        if self._now is None:
            return
        self._now.topics = topics
        self._close_phase(at_ms)
        self._now.given = {tp: member_id for member_id, partitions in shares.items() for tp in partitions}
        self._shown = None

    def emptied(self, generation: int, at_ms: float) -> Rebalance | None:
        """Nobody is left: the rebalance ends with every partition nobody's."""
        if self._now is None:
            return None
        self._now.to_generation, self._now.leader = generation, None
        self._close_phase(at_ms, "nobody is left")
        self._now.given = {}
        return self.ended(at_ms)

    def awaits(self, member_ids: Iterable[str], at_ms: float) -> None:
        """Stable, but these have not fetched their assignment yet."""
        if self._now is not None:
            sentence = f"{names(self._name(member_id) for member_id in member_ids)} still has to fetch its assignment"
            self._now.phases.append(Phase(GroupState.STABLE.value, sentence, at_ms, None))
            self._shown = None

    def ended(self, at_ms: float) -> Rebalance | None:
        """Every member of the new generation has been given its share; what it came to."""
        if self._now is None:
            return None
        self._close_phase(at_ms)
        done = self._build(self._now, at_ms)
        self._past.append(done)
        self._owners = dict(self._now.given or {})
        if self._now.topics is not None:
            self._idle_since = {tp: since for tp, since in self._idle_since.items() if tp.topic in self._now.topics}
        self._now = None
        self._shown = None
        held = {*self._serves, *self._owners.values()}
        self._labels = {member_id: label for member_id, label in self._labels.items() if member_id in held}
        return done

    @property
    def latest_generation(self) -> int:
        """What the last rebalance that ended led to, whoever coordinated it; -1 before any."""
        return self._past[-1].to_generation if self._past else -1

    def rebalances(self) -> tuple[Rebalance, ...]:
        """The last ones, newest last, the one under way included; the same tuple while nothing has changed."""
        if self._shown is None:
            under_way = () if self._now is None else (self._build(self._now, None),)
            self._shown = (*self._past, *under_way)
        return self._shown

    def _note(self, what: str, member_id: str) -> None:
        if self._now is None or self._now.given is not None:
            self._noted.setdefault(what, []).append(self._name(member_id))
        else:
            getattr(self._now, what).append(self._name(member_id))
            self._shown = None

    def _name(self, member_id: str) -> str:
        return self._labels.get(member_id, member_id)

    def _close_phase(self, at_ms: float, sentence: str = "") -> None:
        assert self._now is not None
        last = self._now.phases[-1]
        if last.ended_ms is None:
            self._now.phases[-1] = replace(last, ended_ms=at_ms, sentence=sentence or last.sentence)

    def _how_it_went(self, missing: list[str]) -> str:
        assert self._now is not None
        now, phase = self._now, self._now.phases[-1]
        said = [f"{names(missing)} did not"] if missing else []
        said += [f"{now.late[-1]} came back last"] if len(now.late) > 1 else []
        return f"{phase.sentence}; {', '.join(said)}" if said else phase.sentence

    def _build(self, now: UnderWay, ended_ms: float | None) -> Rebalance:
        return Rebalance(
            self._group_id,
            now.from_generation,
            now.to_generation,
            "; then ".join(dict.fromkeys(now.causes)),
            now.assignor,
            now.cooperative,
            now.began_ms,
            ended_ms,
            tuple(now.phases),
            tuple(now.joined),
            tuple(now.left),
            tuple(now.dropped),
            now.leader,
            () if now.given is None else self._moves(now, now.given, ended_ms),
        )

    def _moves(self, now: UnderWay, given: dict[TopicPartition, str], ended_ms: float | None) -> tuple[Move, ...]:
        until = now.phases[-1].began_ms if ended_ms is None else ended_ms
        moves = []
        for tp in sorted({*self._owners, *given, *self._idle_since}):
            before, after = self._owners.get(tp), given.get(tp)
            unserved = now.gaps.get(tp, 0.0)
            if tp not in self._server:
                unserved += until - self._idle_since.get(tp, now.began_ms)
            moves.append(Move(tp, before and self._name(before), after and self._name(after), max(0.0, unserved)))
        return tuple(moves)


def waiting_sentence(labels: Iterable[str], timeout_ms: float) -> str:
    """What a prepared rebalance waits for."""
    waited = list(labels)
    if not waited:
        return "everybody was there already"
    return f"{names(waited)} had to join again within {seconds(timeout_ms)}"
