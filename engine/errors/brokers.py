"""What brokers and the controller answer about topics, partitions, records and themselves."""

from __future__ import annotations

from engine.errors.base import ErrorCode, KafkaError


class OffsetOutOfRangeError(KafkaError, code=ErrorCode.OFFSET_OUT_OF_RANGE):
    """The offset is not between the log start and the log end."""


class CorruptRecordError(KafkaError, code=ErrorCode.CORRUPT_MESSAGE, retriable=True):
    """The batch does not match its checksum or its own sizes."""


class UnknownTopicOrPartitionError(KafkaError, code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, retriable=True):
    """This broker knows no such topic or partition."""


class LeaderNotAvailableError(KafkaError, code=ErrorCode.LEADER_NOT_AVAILABLE, retriable=True):
    """The partition has no leader just now."""


class NotLeaderOrFollowerError(KafkaError, code=ErrorCode.NOT_LEADER_OR_FOLLOWER, retriable=True):
    """Another broker leads this partition; refresh metadata and ask that one."""


class RequestTimedOutError(KafkaError, code=ErrorCode.REQUEST_TIMED_OUT, retriable=True):
    """The request was not answered in time."""


class RecordTooLargeError(KafkaError, code=ErrorCode.MESSAGE_TOO_LARGE):
    """The record or batch is larger than max.message.bytes allows."""


class NetworkError(KafkaError, code=ErrorCode.NETWORK_EXCEPTION, retriable=True):
    """The connection broke before an answer came."""


class InvalidTopicError(KafkaError, code=ErrorCode.INVALID_TOPIC_EXCEPTION):
    """The topic name breaks Kafka's rules or names an internal topic."""


class RecordListTooLargeError(KafkaError, code=ErrorCode.RECORD_LIST_TOO_LARGE):
    """The batch is larger than a segment may be."""


class NotEnoughReplicasError(KafkaError, code=ErrorCode.NOT_ENOUGH_REPLICAS, retriable=True):
    """Fewer replicas are in sync than min.insync.replicas asks for."""


class NotEnoughReplicasAfterAppendError(KafkaError, code=ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, retriable=True):
    """The record was written, then too few replicas were in sync."""


class InvalidRequiredAcksError(KafkaError, code=ErrorCode.INVALID_REQUIRED_ACKS):
    """acks must be 0, 1 or all (-1)."""


class InvalidTimestampError(KafkaError, code=ErrorCode.INVALID_TIMESTAMP):
    """The timestamp is outside what the topic accepts."""


class UnsupportedVersionError(KafkaError, code=ErrorCode.UNSUPPORTED_VERSION):
    """This version of the request is not served."""


class TopicAlreadyExistsError(KafkaError, code=ErrorCode.TOPIC_ALREADY_EXISTS):
    """A topic of this name exists already."""


class InvalidPartitionsError(KafkaError, code=ErrorCode.INVALID_PARTITIONS):
    """The number of partitions is not acceptable."""


class InvalidReplicationFactorError(KafkaError, code=ErrorCode.INVALID_REPLICATION_FACTOR):
    """The replication factor is below 1 or above the number of brokers."""


class InvalidReplicaAssignmentError(KafkaError, code=ErrorCode.INVALID_REPLICA_ASSIGNMENT):
    """The replica assignment is not acceptable."""


class InvalidConfigError(KafkaError, code=ErrorCode.INVALID_CONFIG):
    """The setting or its value is not acceptable."""


class NotControllerError(KafkaError, code=ErrorCode.NOT_CONTROLLER, retriable=True):
    """Another broker is the controller."""


class InvalidRequestError(KafkaError, code=ErrorCode.INVALID_REQUEST):
    """The request contradicts itself."""


class UnsupportedForMessageFormatError(KafkaError, code=ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT):
    """The record format does not allow this."""


class PolicyViolationError(KafkaError, code=ErrorCode.POLICY_VIOLATION):
    """The topic's settings or the brokers' do not allow this."""


class TopicAuthorizationFailedError(KafkaError, code=ErrorCode.TOPIC_AUTHORIZATION_FAILED):
    """The topic is not this client's to write to."""


class OperationNotAttemptedError(KafkaError, code=ErrorCode.OPERATION_NOT_ATTEMPTED):
    """It was not tried, because another part of the request failed."""


class KafkaStorageError(KafkaError, code=ErrorCode.KAFKA_STORAGE_ERROR, retriable=True):
    """The broker could not read or write its disk."""


class ReassignmentInProgressError(KafkaError, code=ErrorCode.REASSIGNMENT_IN_PROGRESS):
    """The partition is being moved already."""


class TopicDeletionDisabledError(KafkaError, code=ErrorCode.TOPIC_DELETION_DISABLED):
    """Topics cannot be deleted here: delete.topic.enable is false."""


class FencedLeaderEpochError(KafkaError, code=ErrorCode.FENCED_LEADER_EPOCH, retriable=True):
    """The client's leader epoch is older than the broker's."""


class UnknownLeaderEpochError(KafkaError, code=ErrorCode.UNKNOWN_LEADER_EPOCH, retriable=True):
    """The client's leader epoch is newer than the broker's."""


class UnsupportedCompressionTypeError(KafkaError, code=ErrorCode.UNSUPPORTED_COMPRESSION_TYPE):
    """This compression is not supported."""


class StaleBrokerEpochError(KafkaError, code=ErrorCode.STALE_BROKER_EPOCH):
    """The broker is registered anew since, under another epoch."""


class OffsetNotAvailableError(KafkaError, code=ErrorCode.OFFSET_NOT_AVAILABLE, retriable=True):
    """The new leader does not know its high watermark yet."""


class PreferredLeaderNotAvailableError(KafkaError, code=ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, retriable=True):
    """The preferred leader cannot lead just now."""


class EligibleLeadersNotAvailableError(KafkaError, code=ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, retriable=True):
    """No replica that may lead is alive."""


class ElectionNotNeededError(KafkaError, code=ErrorCode.ELECTION_NOT_NEEDED, retriable=True):
    """The leader is the right one already."""


class InvalidUpdateVersionError(KafkaError, code=ErrorCode.INVALID_UPDATE_VERSION):
    """The partition has changed since whoever asks has looked at it."""


class DuplicateBrokerRegistrationError(KafkaError, code=ErrorCode.DUPLICATE_BROKER_REGISTRATION):
    """Another life of this broker is registered, and its session has not run out."""


class BrokerIdNotRegisteredError(KafkaError, code=ErrorCode.BROKER_ID_NOT_REGISTERED):
    """This broker has not registered."""


class IneligibleReplicaError(KafkaError, code=ErrorCode.INELIGIBLE_REPLICA):
    """A replica of the ISR asked for is not alive, or not in the life in which its leader saw it."""


class NoReassignmentInProgressError(KafkaError, code=ErrorCode.NO_REASSIGNMENT_IN_PROGRESS):
    """The partition is not being moved."""


class InvalidRecordError(KafkaError, code=ErrorCode.INVALID_RECORD):
    """A record of the batch breaks a rule of the topic."""


class UnknownTopicIdError(KafkaError, code=ErrorCode.UNKNOWN_TOPIC_ID, retriable=True):
    """This broker knows no topic of that id."""


class MismatchedEndpointTypeError(KafkaError, code=ErrorCode.MISMATCHED_ENDPOINT_TYPE):
    """This is a broker's port; controllers have none here."""
