"""A person's reading of the records of a group of the consumer protocol."""

from __future__ import annotations

from engine.groups.modern.records import (
    Current,
    CurrentKey,
    GroupEpoch,
    GroupEpochKey,
    Key,
    MemberKey,
    MemberMetadata,
    PartitionMetadata,
    PartitionMetadataKey,
    Parts,
    PatternKey,
    Resolved,
    Target,
    TargetEpoch,
    TargetEpochKey,
    TargetKey,
    decode_value,
)
from engine.snapshot import MemberState


def describe(key: Key, data: bytes | None) -> str:
    """What a record says, in a sentence. Raises CorruptRecordError."""
    if data is None:
        return _describe_tombstone(key)
    group_id = key.group_id
    match key, decode_value(key, data):
        case GroupEpochKey(), GroupEpoch(epoch):
            return f"{group_id} is in group epoch {epoch}."
        case PartitionMetadataKey(), PartitionMetadata(topics):
            known = ", ".join(f"{topic.name} ({topic.partitions})" for topic in topics) or "nothing that exists"
            return f"{group_id} subscribes to topics with so many partitions: {known}."
        case MemberKey(_, member_id), MemberMetadata() as said:
            wanted = [", ".join(said.topics)] if said.topics else []
            wanted += [f"what matches {said.pattern}"] if said.pattern else []
            by = f", shared out by {said.assignor}" if said.assignor else ""
            return f"{said.client_id or member_id} in {group_id} subscribes to {' and '.join(wanted) or 'nothing'}{by}."
        case TargetEpochKey(), TargetEpoch(epoch):
            return f"{group_id} has a target assignment for group epoch {epoch}."
        case TargetKey(_, member_id), Target(partitions):
            return f"{member_id} in {group_id} is to have {_numbers(partitions)}."
        case CurrentKey(_, member_id), Current() as current:
            return f"{member_id} in {group_id}, {_standing(current)}."
        case PatternKey(_, pattern), Resolved(topics, version):
            found = ", ".join(topics) or "no topic"
            return f"In version {version} of the metadata, what {group_id} wants by {pattern} is {found}."
    raise AssertionError(f"a value that does not belong to {key}")


def _standing(current: Current) -> str:
    if current.epoch < 0:
        return f"a static member that is away, keeps {_numbers(current.assigned)}"
    said = f"in epoch {current.epoch}, has {_numbers(current.assigned)}"
    if current.state is MemberState.UNREVOKED_PARTITIONS:
        return f"{said} and has yet to give up {_numbers(current.revoking)}"
    if current.state is MemberState.UNRELEASED_PARTITIONS:
        return f"{said} and waits for partitions that others have yet to give up"
    return said


def _describe_tombstone(key: Key) -> str:
    match key:
        case MemberKey(group_id, member_id):
            return f"{member_id} is no longer in {group_id} (tombstone)."
        case TargetKey(group_id, member_id):
            return f"{member_id} in {group_id} is to have nothing any more (tombstone)."
        case CurrentKey(group_id, member_id):
            return f"{member_id} in {group_id} has nothing any more (tombstone)."
        case PartitionMetadataKey(group_id):
            return f"{group_id} subscribes to nothing any more (tombstone)."
        case PatternKey(group_id, pattern):
            return f"Nobody in {group_id} subscribes by {pattern} any more (tombstone)."
        case TargetEpochKey(group_id):
            return f"The target assignment of {group_id} is forgotten (tombstone)."
        case GroupEpochKey(group_id):
            return f"The group {group_id} is forgotten (tombstone)."


def _numbers(parts: Parts) -> str:
    """Topics have ids alone here, so partitions are told by number, topic by topic."""
    several = len(parts) > 1
    told = [
        (f"{topic_id.hex()[:8]}: " if several else "") + " ".join(f"P{number}" for number in numbers)
        for topic_id, numbers in parts
        if numbers
    ]
    return "; ".join(told) or "nothing"
