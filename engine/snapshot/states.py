"""The states that groups, members, transactions and clients can be in."""

from __future__ import annotations

from enum import Enum


class GroupState(Enum):
    """The states of a group, of the classic protocol (`ClassicGroupState`) or the consumer's (`ConsumerGroupState`)."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class GroupProtocol(Enum):
    """How a group's members agree on who reads what (`group.protocol`)."""

    CLASSIC = "classic"
    CONSUMER = "consumer"


class MemberState(Enum):
    """How far a member of the consumer protocol is on the way to its target (`modern.MemberState`)."""

    STABLE = "STABLE"
    UNREVOKED_PARTITIONS = "UNREVOKED_PARTITIONS"
    UNRELEASED_PARTITIONS = "UNRELEASED_PARTITIONS"


class TransactionState(Enum):
    """The states of a transactional id (`org.apache.kafka.coordinator.transaction.TransactionState`)."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    DEAD = "Dead"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"


class ClientState(Enum):
    """What a producer or consumer that lives in the lab is doing."""

    RUNNING = "running"
    PAUSED = "paused"
    HUNG = "hung"
    STOPPED = "stopped"
    CRASHED = "crashed"
