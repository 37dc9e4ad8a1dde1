"""The two words everything else is said in: a partition of a topic, and whose turn it is."""

from __future__ import annotations

from typing import NamedTuple

MOST_OFFSET = 2**63 - 1
"""What Kafka's int64 holds: no offset, and no timestamp, is beyond it."""


class TopicPartition(NamedTuple):
    """One partition of one topic; sorts by topic, then by number."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class OffsetAndMetadata(NamedTuple):
    """What a group commits for a partition: the next offset to read, and a word of its own."""

    offset: int
    metadata: str = ""
    leader_epoch: int = -1
    """Of the record before it, -1 if it is not known (KIP-320)."""


class ConsumerGroupMetadata(NamedTuple):
    """As whom offsets are added to a transaction: a member of a generation, or nobody (-1, "") (KIP-447)."""

    group_id: str
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None


class OffsetAndTimestamp(NamedTuple):
    """What a look-up by time answers: the offset found and that record's timestamp in ms."""

    offset: int
    timestamp: int


class RecordMetadata(NamedTuple):
    """What a producer learns of a record it sent; offset is -1 with `acks=0`, timestamp in ms."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int
    timestamp_type: int
    log_start_offset: int


INSIDE = "lab"
"""The address of clients that live in the lab."""


class ClientInfo(NamedTuple):
    """Who is calling a broker: client id, address ("lab" inside), and the software's own name and version."""

    client_id: str
    host: str = INSIDE
    software: str = "kafkarium"
    version: str = ""

    @property
    def program(self) -> str:
        """Software and version in one; empty where it does not say."""
        return f"{self.software} {self.version}".strip()
