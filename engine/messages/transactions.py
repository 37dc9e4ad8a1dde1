"""Producer ids and transactions (KIP-98, KIP-360, KIP-447), and looking into them (KIP-664)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import ErrorCode
from engine.messages.base import Request
from engine.types import OffsetAndMetadata, TopicPartition


@dataclass(frozen=True, slots=True)
class InitProducerIdResponse:
    """The producer's id and epoch."""

    producer_id: int
    producer_epoch: int


@dataclass(frozen=True, slots=True)
class InitProducerIdRequest(Request[InitProducerIdResponse]):
    """A producer wants an id, so that leaders can tell its repeated batches from new ones (KIP-98).

    With a transactional id it is asked of its coordinator: the epoch is bumped, which fences whoever had the id
    before, and a transaction that one left open is aborted. A producer that knows its id and epoch may bump them
    itself (KIP-360).
    """

    transactional_id: str | None = None
    transaction_timeout_ms: int = 60_000
    producer_id: int = -1
    producer_epoch: int = -1


@dataclass(frozen=True, slots=True)
class AddPartitionsToTxnResponse:
    """An error for each partition; where one fails, the others get OPERATION_NOT_ATTEMPTED."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class AddPartitionsToTxnRequest(Request[AddPartitionsToTxnResponse]):
    """These partitions are about to be written in the producer's open transaction, or open one."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class AddOffsetsToTxnResponse:
    """The group's partition of `__consumer_offsets` is part of the transaction."""


@dataclass(frozen=True, slots=True)
class AddOffsetsToTxnRequest(Request[AddOffsetsToTxnResponse]):
    """Offsets of this group are about to be committed in the producer's open transaction."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    group_id: str


@dataclass(frozen=True, slots=True)
class TxnOffsetCommitResponse:
    """An error for each partition."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class TxnOffsetCommitRequest(Request[TxnOffsetCommitResponse]):
    """Asked of the group's coordinator: commit offsets that count once the transaction does.

    With generation and member id the group's own fencing applies too (KIP-447); without: -1 and "".
    """

    transactional_id: str
    group_id: str
    producer_id: int
    producer_epoch: int
    offsets: Mapping[TopicPartition, OffsetAndMetadata]
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class EndTxnResponse:
    """The outcome is decided and stored; the markers follow."""


@dataclass(frozen=True, slots=True)
class EndTxnRequest(Request[EndTxnResponse]):
    """Commit or abort the producer's open transaction."""

    transactional_id: str
    producer_id: int
    producer_epoch: int
    committed: bool


@dataclass(frozen=True, slots=True)
class TransactionMarker:
    """The outcome of one producer's transaction, for these partitions."""

    producer_id: int
    producer_epoch: int
    committed: bool
    coordinator_epoch: int
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class WriteTxnMarkersResponse:
    """An error for each partition, by producer id."""

    errors: Mapping[int, Mapping[TopicPartition, ErrorCode]]


@dataclass(frozen=True, slots=True)
class WriteTxnMarkersRequest(Request[WriteTxnMarkersResponse]):
    """From a transaction coordinator to the leaders of the partitions: write control batches (KIP-98)."""

    markers: tuple[TransactionMarker, ...]


@dataclass(frozen=True, slots=True)
class ActiveProducer:
    """What a partition knows of one producer; times are ms, -1 for none."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int = -1
    current_txn_start_offset: int = -1


@dataclass(frozen=True, slots=True)
class PartitionProducers:
    """The producers of one partition."""

    error: ErrorCode = ErrorCode.NONE
    producers: tuple[ActiveProducer, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribeProducersResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, PartitionProducers]


@dataclass(frozen=True, slots=True)
class DescribeProducersRequest(Request[DescribeProducersResponse]):
    """What leaders know of the producers that write to these partitions (KIP-664)."""

    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class DescribedTransaction:
    """A transactional id as its coordinator has it; `state` is Kafka's word, such as "Ongoing"."""

    transactional_id: str
    error: ErrorCode = ErrorCode.NONE
    state: str = ""
    timeout_ms: int = -1
    start_time_ms: int = -1
    producer_id: int = -1
    producer_epoch: int = -1
    partitions: tuple[TopicPartition, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribeTransactionsResponse:
    """One answer an id, in the order asked."""

    transactions: tuple[DescribedTransaction, ...]


@dataclass(frozen=True, slots=True)
class DescribeTransactionsRequest(Request[DescribeTransactionsResponse]):
    """How these transactional ids stand, asked of their coordinators (KIP-664)."""

    transactional_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListTransactionsResponse:
    """The ids coordinated here that match, and the state filters that name no state."""

    transactions: tuple[DescribedTransaction, ...]
    unknown_states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListTransactionsRequest(Request[ListTransactionsResponse]):
    """The transactional ids a broker coordinates; empty filters match all (KIP-664)."""

    states: tuple[str, ...] = ()
    producer_ids: tuple[int, ...] = ()
    longer_than_ms: int = -1
    pattern: str = ""
    """A regular expression of RE2 that an id has to match as a whole (KIP-1152)."""
