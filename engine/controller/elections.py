"""Who leads a partition, and who is in sync, after brokers came or went. Pure functions.

Rules from `org.apache.kafka.controller.PartitionChangeBuilder`: the leader is the first assigned replica that is alive
and in sync; the leader epoch grows whenever the leader changes.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from engine.errors import ErrorCode, InvalidReplicaAssignmentError, NoReassignmentInProgressError
from engine.messages import ElectionType, PartitionMetadata


def elect(state: PartitionMetadata, live: Set[int], *, unclean: bool, preferred: bool = False) -> PartitionMetadata:
    """The partition with a leader that is alive, or with none where no replica may lead.

    The present leader stays while it may, unless `preferred` asks for the first replica. `unclean` lets the first live
    replica lead although it is out of sync; then it alone is in sync, and what it lacks is lost.
    """
    may_lead = [broker for broker in state.replicas if broker in live and broker in state.isr]
    if state.leader in may_lead and not (preferred and may_lead[0] == state.replicas[0]):
        return state
    if may_lead:
        return _led_by(state, may_lead[0], state.isr)
    alive = [broker for broker in state.replicas if broker in live]
    if unclean and alive:
        return _led_by(state, alive[0], (alive[0],))
    return state if state.leader is None else replace(state, leader=None, leader_epoch=state.leader_epoch + 1)


def elected(state: PartitionMetadata, live: Set[int], kind: ElectionType) -> tuple[PartitionMetadata, ErrorCode]:
    """The partition after an election that somebody asked for, or why it is as before (KIP-460)."""
    preferred = kind is ElectionType.PREFERRED
    if state.leader == state.replicas[0] if preferred else state.leader is not None:
        return state, ErrorCode.ELECTION_NOT_NEEDED
    changed = elect(state, live, unclean=not preferred, preferred=preferred)
    if preferred and changed.leader != state.replicas[0]:
        return state, ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE
    if changed.leader is None:
        return state, ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
    return changed, ErrorCode.NONE


def _led_by(state: PartitionMetadata, leader: int, isr: tuple[int, ...]) -> PartitionMetadata:
    if leader == state.leader:
        return state
    return replace(state, leader=leader, isr=isr, leader_epoch=state.leader_epoch + 1)


def without(state: PartitionMetadata, broker_id: int, live: Set[int], *, unclean: bool) -> PartitionMetadata:
    """The partition after a broker went: out of the ISR unless it is the last there, and leading no more."""
    isr = tuple(broker for broker in state.isr if broker != broker_id)
    shrunk = replace(state, isr=isr) if isr else state
    return elect(shrunk, live - {broker_id}, unclean=unclean)


def moving(state: PartitionMetadata, target: tuple[int, ...]) -> PartitionMetadata:
    """The partition on its way to other replicas: the new ones copy before the old ones go."""
    everyone = (*target, *(broker for broker in state.replicas if broker not in target))
    adding = tuple(broker for broker in target if broker not in state.replicas)
    return moved(replace(state, replicas=everyone, target=target, adding=adding))


def called_off(state: PartitionMetadata, live: Set[int]) -> PartitionMetadata:
    """The partition with the replicas it had before it was to be moved; raises KafkaError."""
    if not state.target:
        raise NoReassignmentInProgressError
    isr = tuple(broker for broker in state.isr if broker not in state.adding)
    if not isr:
        raise InvalidReplicaAssignmentError("None of the old replicas is in sync any more, so they cannot go on alone.")
    kept = tuple(broker for broker in state.replicas if broker not in state.adding)
    return _narrowed(state, elect(replace(state, replicas=kept, isr=isr, target=(), adding=()), live, unclean=False))


def moved(state: PartitionMetadata) -> PartitionMetadata:
    """Without its old replicas, once every new one is in sync (KIP-455); before that, as it is."""
    if not state.target or not set(state.target) <= set(state.isr):
        return state
    isr = tuple(broker for broker in state.target if broker in state.isr)
    there = replace(state, replicas=state.target, isr=isr, target=(), adding=())
    return _narrowed(state, there if state.leader in state.target else _led_by(there, state.target[0], isr))


def _narrowed(before: PartitionMetadata, after: PartitionMetadata) -> PartitionMetadata:
    """A replica that is one no longer is fenced by a new leader epoch, though the leader stays."""
    if after.leader_epoch > before.leader_epoch or set(before.replicas) <= set(after.replicas):
        return after
    return replace(after, leader_epoch=after.leader_epoch + 1)


def with_isr(state: PartitionMetadata, isr: Set[int]) -> PartitionMetadata:
    """The partition with the ISR its leader asked for."""
    return moved(replace(state, isr=tuple(broker for broker in state.replicas if broker in isr)))
