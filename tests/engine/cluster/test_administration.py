"""What administrators ask of any broker: forwarded to the controller, each thing with its own outcome, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster, Earliest
from engine.config import BrokerConfig
from engine.errors import CoordinatorNotAvailableError, ErrorCode, NonEmptyGroupError, RequestTimedOutError
from engine.messages import (
    AlterConfigsRequest,
    AlterOperation,
    AlterPartitionReassignmentsRequest,
    ConfigAlteration,
    ConfigResource,
    ConfigSource,
    ConfigType,
    CoordinatorType,
    CreatableTopic,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    DescribedConfig,
    DescribeLogDirsRequest,
    ElectionType,
    ElectLeadersRequest,
    FindCoordinatorRequest,
    IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest,
    MetadataRequest,
    NewPartitions,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    Outcome,
    Reassignment,
    Request,
    ResourceType,
)
from engine.network import CONTROLLER
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition
from engine.workload.spec import ConsumerSpec

TP = TopicPartition("orders", 0)
ORDERS = ConfigResource(ResourceType.TOPIC, "orders")
ADMIN = ClientInfo("admin", "127.0.0.1")


async def _ask(cluster: Cluster, request: Request[Any], broker_id: int = 2) -> Any:
    return await cluster.network.call(ADMIN, broker_id, request)


async def _create(cluster: Cluster, *topics: CreatableTopic, **options: Any) -> list[Outcome]:
    answer = await _ask(cluster, CreateTopicsRequest(topics, **options))
    return [topic.outcome for topic in answer.topics]


def _told(cluster: Cluster) -> str:
    return cluster.events.last(1)[0].sentence()


# Topics


async def test_any_broker_takes_a_new_topic_and_the_same_is_told_as_for_the_labs_own(cluster: Cluster) -> None:
    await cluster.create_topic("mine", partitions=2)
    of_the_lab = _told(cluster)
    assert await _create(cluster, CreatableTopic("theirs", 2, 1)) == [Outcome()]
    assert _told(cluster) == of_the_lab.replace("mine", "theirs")
    assert [partition.replicas for partition in cluster.describe_topic("theirs").partitions] == [(2,), (3,)]


async def test_without_numbers_a_topic_gets_the_brokers_defaults(clock: ManualClock) -> None:
    config = BrokerConfig(num_partitions=4, default_replication_factor=2)
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7, config=config) as cluster:
        await _create(cluster, CreatableTopic("orders"))
        await _ask(cluster, MetadataRequest(("wanted",)))
        for name in ("orders", "wanted"):
            view = cluster.describe_topic(name)
            assert (len(view.partitions), view.replication_factor) == (4, 2)
        assert "a client asked for it" in _told(cluster)


async def test_a_client_learns_why_a_topic_it_named_could_not_be_made(clock: ManualClock) -> None:
    config = BrokerConfig(default_replication_factor=5)
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7, config=config) as cluster:
        answer = await _ask(cluster, MetadataRequest(("wanted", "or ders")))
        assert [topic.error for topic in answer.topics] == [
            ErrorCode.INVALID_REPLICATION_FACTOR,
            ErrorCode.INVALID_TOPIC_EXCEPTION,
        ]


async def test_a_topic_that_is_only_tried_is_not_made(cluster: Cluster) -> None:
    assert await _create(cluster, CreatableTopic("orders", 2, 1), validate_only=True) == [Outcome()]
    assert cluster.snapshot().topic("orders") is None


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (CreatableTopic("orders", 0, 1), ErrorCode.INVALID_PARTITIONS),
        (CreatableTopic("orders", -2, 1), ErrorCode.INVALID_PARTITIONS),
        (CreatableTopic("orders", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR),
        (CreatableTopic("orders", 1, 4), ErrorCode.INVALID_REPLICATION_FACTOR),
        (CreatableTopic("or ders", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION),
        (CreatableTopic("orders", configs={"no.such": "1"}), ErrorCode.INVALID_CONFIG),
        (CreatableTopic("orders", configs={"retention.ms": None}), ErrorCode.INVALID_CONFIG),
        (CreatableTopic("orders", 2, -1, ((0, (1,)),)), ErrorCode.INVALID_REQUEST),
        (CreatableTopic("orders", assignments=((0, (1,)), (0, (2,)))), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic("orders", assignments=((0, (1,)), (2, (2,)))), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic("orders", assignments=((0, (1, 1)),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic("orders", assignments=((0, (7,)),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic("orders", assignments=((0, ()),)), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (CreatableTopic("orders", assignments=((0, (1,)), (1, (2, 3)))), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
async def test_a_topic_that_cannot_be_is_refused_with_kafkas_code(
    cluster: Cluster, topic: CreatableTopic, code: ErrorCode
) -> None:
    [outcome] = await _create(cluster, topic)
    assert (outcome.error, bool(outcome.message)) == (code, True)
    assert cluster.snapshot().topic("orders") is None


async def test_a_topic_lies_where_it_was_put_by_hand(cluster: Cluster) -> None:
    await _create(cluster, CreatableTopic("orders", assignments=((1, (3, 1)), (0, (2, 3)))))
    await _ask(cluster, CreatePartitionsRequest((NewPartitions("orders", 3, ((1, 2),)),)))
    assert [partition.replicas for partition in cluster.describe_topic("orders").partitions] == [(2, 3), (3, 1), (1, 2)]
    answer = await _ask(cluster, CreatePartitionsRequest((NewPartitions("orders", 5, ((1, 2),)),)))
    assert answer.topics[0][1].error is ErrorCode.INVALID_REPLICA_ASSIGNMENT


async def test_a_topic_named_twice_in_one_request_is_not_made(cluster: Cluster) -> None:
    outcomes = await _create(cluster, CreatableTopic("orders", 1, 1), CreatableTopic("orders", 2, 1))
    assert [outcome.error for outcome in outcomes] == [ErrorCode.INVALID_REQUEST]


async def test_a_broker_cut_off_from_the_controller_makes_no_topic_until_the_line_is_healed(
    cluster: Cluster, clock: ManualClock
) -> None:
    cluster.faults.cut(2, CONTROLLER)
    with pytest.raises(RequestTimedOutError, match="could not ask the controller"):
        await clock.complete(_ask(cluster, CreateTopicsRequest((CreatableTopic("orders", 1, 1),), timeout_ms=5_000)))
    answer = await clock.complete(_ask(cluster, MetadataRequest(("orders",))))
    assert answer.topics[0].error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    with pytest.raises(CoordinatorNotAvailableError, match="cannot be reached"):
        await clock.complete(_ask(cluster, FindCoordinatorRequest("billing")))
    cluster.faults.heal(2, CONTROLLER)
    assert await clock.complete(_create(cluster, CreatableTopic("orders", 1, 1))) == [Outcome()]


@pytest.mark.parametrize("kind", CoordinatorType)
async def test_kafkas_own_topics_are_not_made_with_fewer_copies_because_brokers_are_down(
    cluster: Cluster, clock: ManualClock, kind: CoordinatorType
) -> None:
    await clock.complete(cluster.faults.stop(3))
    for request in (FindCoordinatorRequest("billing", kind), FindCoordinatorRequest("shipping", kind)):
        with pytest.raises(CoordinatorNotAvailableError, match="3 copies, with 2 brokers alive"):
            await _ask(cluster, request)
    answer = await _ask(cluster, MetadataRequest(("__consumer_offsets",)))
    assert answer.topics[0].error is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    await clock.complete(cluster.faults.start(3))
    await clock.advance(1_000)
    await _ask(cluster, FindCoordinatorRequest("billing", kind))
    assert {topic.replication_factor for topic in cluster.controller.topics.values()} == {3}


async def test_topics_are_deleted_by_name_and_by_id(cluster: Cluster) -> None:
    for name in ("one", "two"):
        await cluster.create_topic(name)
    await cluster.browser.produce("two", None, b"v")
    two = cluster.controller.topic("two").topic_id
    answer = await _ask(cluster, DeleteTopicsRequest(("one", "nowhere"), (two, bytes(range(16)))))
    assert [(topic.name, topic.outcome.error) for topic in answer.topics] == [
        ("one", ErrorCode.NONE),
        ("nowhere", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("two", ErrorCode.NONE),
        (None, ErrorCode.UNKNOWN_TOPIC_ID),
    ]
    assert cluster.snapshot().topics == ()
    assert "Topic two was deleted: 1 record and" in _told(cluster)


async def test_topics_stay_where_deleting_them_is_disabled(clock: ManualClock) -> None:
    config = BrokerConfig(delete_topic_enable=False)
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7, config=config) as cluster:
        await cluster.create_topic("orders")
        answer = await _ask(cluster, DeleteTopicsRequest(("orders",)))
        assert answer.topics[0].outcome.error is ErrorCode.TOPIC_DELETION_DISABLED
        assert cluster.snapshot().topic("orders") is not None


async def test_records_are_deleted_at_the_leader_and_not_where_a_topic_is_compacted(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    await cluster.create_topic("state", config={"cleanup.policy": "compact"})
    await cluster.browser.produce("orders", None, b"v")
    leader = cluster.nodes.leader(TP).broker_id
    answer = await _ask(cluster, DeleteRecordsRequest({TP: -1}), leader)
    assert answer.partitions[TP].low_watermark == 1
    assert _told(cluster) == "orders-0: the records before offset 1 were deleted; the log starts there now."
    answer = await _ask(cluster, DeleteRecordsRequest({TP: 0}), leader % 3 + 1)
    assert answer.partitions[TP].outcome.error is ErrorCode.NOT_LEADER_OR_FOLLOWER
    state = TopicPartition("state", 0)
    answer = await _ask(cluster, DeleteRecordsRequest({state: 0}), cluster.nodes.leader(state).broker_id)
    assert answer.partitions[state].outcome.error is ErrorCode.POLICY_VIOLATION


# Settings


async def _described(cluster: Cluster, resource: ConfigResource, broker_id: int = 2) -> dict[str, DescribedConfig]:
    answer = await _ask(cluster, DescribeConfigsRequest(((resource, None),)), broker_id)
    assert answer.resources[0].outcome == Outcome()
    return {config.name: config for config in answer.resources[0].configs}


async def test_the_settings_of_a_topic_say_where_they_come_from(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"retention.ms": "60000"})
    configs = await _described(cluster, ORDERS)
    retention, policy = configs["retention.ms"], configs["cleanup.policy"]
    assert (retention.value, retention.source) == ("60000", ConfigSource.DYNAMIC_TOPIC_CONFIG)
    assert (retention.type, policy.type) == (ConfigType.LONG, ConfigType.LIST)
    assert [(each.name, each.value) for each in retention.synonyms] == [
        ("retention.ms", "60000"),
        ("log.retention.ms", "604800000"),
    ]
    assert (policy.value, policy.source, policy.read_only) == ("delete", ConfigSource.DEFAULT_CONFIG, False)


async def test_the_settings_of_a_broker_are_kafkas_defaults_or_the_labs_own_and_fixed(cluster: Cluster) -> None:
    configs = await _described(cluster, ConfigResource(ResourceType.BROKER, "2"))
    kept, changed = configs["num.partitions"], configs["replica.lag.time.max.ms"]
    assert (kept.value, kept.source, kept.read_only) == ("1", ConfigSource.DEFAULT_CONFIG, True)
    assert (changed.value, changed.source) == ("10000", ConfigSource.STATIC_BROKER_CONFIG)
    assert [each.value for each in changed.synonyms] == ["10000", "30000"]


async def test_only_settings_asked_for_are_told_and_only_by_who_has_them(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    asked = (
        (ORDERS, ("retention.ms", "no.such")),
        (ConfigResource(ResourceType.TOPIC, "nowhere"), None),
        (ConfigResource(ResourceType.BROKER, "1"), None),
        (ConfigResource(ResourceType.BROKER_LOGGER, "2"), None),
        (ConfigResource(99, "x"), None),
    )
    answer = await _ask(cluster, DescribeConfigsRequest(asked))
    assert [config.name for config in answer.resources[0].configs] == ["retention.ms"]
    assert [each.outcome.error for each in answer.resources[1:]] == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
    ]


async def _step(cluster: Cluster, resource: ConfigResource, *steps: ConfigAlteration, **options: Any) -> Outcome:
    answer = await _ask(cluster, IncrementalAlterConfigsRequest({resource: steps}, **options))
    outcome: Outcome = answer.outcomes[resource]
    return outcome


async def test_settings_change_step_by_step(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"retention.ms": "60000"})
    append = ConfigAlteration("cleanup.policy", AlterOperation.APPEND, "compact")
    back = ConfigAlteration("retention.ms", AlterOperation.DELETE)
    assert await _step(cluster, ORDERS, append, back, validate_only=True) == Outcome()
    assert cluster.describe_topic("orders").config == (("retention.ms", "60000"),)
    assert await _step(cluster, ORDERS, append, back) == Outcome()
    assert cluster.describe_topic("orders").config == (("cleanup.policy", "delete,compact"),)
    assert _told(cluster) == "orders: cleanup.policy=delete,compact, retention.ms back to its default."
    await _step(cluster, ORDERS, ConfigAlteration("cleanup.policy", AlterOperation.SUBTRACT, "delete"))
    assert cluster.describe_topic("orders").config == (("cleanup.policy", "compact"),)


@pytest.mark.parametrize(
    ("resource", "step", "code"),
    [
        (ORDERS, ConfigAlteration("retention.ms", AlterOperation.APPEND, "1"), ErrorCode.INVALID_CONFIG),
        (ORDERS, ConfigAlteration("retention.ms", AlterOperation.SET, "soon"), ErrorCode.INVALID_CONFIG),
        (ORDERS, ConfigAlteration("no.such", AlterOperation.SET, "1"), ErrorCode.INVALID_CONFIG),
        (ORDERS, ConfigAlteration("retention.ms", AlterOperation.SET, None), ErrorCode.INVALID_REQUEST),
        (ORDERS, ConfigAlteration("cleanup.policy", 9, "delete"), ErrorCode.INVALID_REQUEST),
        (ConfigResource(ResourceType.TOPIC, "nowhere"), ConfigAlteration("retention.ms", 0, "1"),
         ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (ConfigResource(ResourceType.BROKER, "2"), ConfigAlteration("num.partitions", 0, "3"),
         ErrorCode.INVALID_REQUEST),
        (ConfigResource(ResourceType.BROKER, "9"), ConfigAlteration("x", 1), ErrorCode.INVALID_REQUEST),
        (ConfigResource(ResourceType.BROKER, ""), ConfigAlteration("leader.replication.throttled.rate", 1),
         ErrorCode.NONE),
        (ConfigResource(ResourceType.CLIENT_METRICS, "x"), ConfigAlteration("x", 1), ErrorCode.INVALID_REQUEST),
    ],
)  # fmt: skip
async def test_what_cannot_be_set_is_refused_with_kafkas_code(
    cluster: Cluster, resource: ConfigResource, step: ConfigAlteration, code: ErrorCode
) -> None:
    await cluster.create_topic("orders")
    assert (await _step(cluster, resource, step)).error is code
    assert cluster.describe_topic("orders").config == ()


async def test_a_setting_changed_twice_in_one_request_is_refused(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    step = ConfigAlteration("retention.ms", AlterOperation.SET, "1")
    assert (await _step(cluster, ORDERS, step, step)).error is ErrorCode.INVALID_REQUEST


async def test_a_long_value_is_told_shortened(cluster: Cluster) -> None:
    await cluster.create_topic("orders")
    setting = "leader.replication.throttled.replicas"
    assert await _step(cluster, ORDERS, ConfigAlteration(setting, 0, "0:1," * 9_000)) == Outcome()
    assert len(_told(cluster)) < 120


async def test_all_settings_at_once_put_the_others_back(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"retention.ms": "60000", "max.message.bytes": "2000"})
    answer = await _ask(cluster, AlterConfigsRequest({ORDERS: {"retention.ms": "70000"}}))
    assert answer.outcomes == {ORDERS: Outcome()}
    assert cluster.describe_topic("orders").config == (("retention.ms", "70000"),)


async def test_a_setting_of_segments_is_kept_though_there_are_none(cluster: Cluster) -> None:
    await cluster.create_topic("orders", config={"segment.ms": "60000"})
    segment = (await _described(cluster, ORDERS))["segment.ms"]
    assert segment.value == "60000"
    assert "Without effect here" in segment.documentation


# Leaders and replicas


async def test_elections_say_of_each_partition_what_became_of_it(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", partitions=2, replication_factor=2)
    await cluster.nodes.crash(1)
    await clock.advance(10_000)
    one, other = TP, TopicPartition("orders", 1)
    asked = ElectLeadersRequest(ElectionType.PREFERRED, (one, other, TopicPartition("nowhere", 0)))
    answer = await clock.complete(_ask(cluster, asked))
    assert [outcome.error for outcome in answer.partitions.values()] == [
        ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE,
        ErrorCode.ELECTION_NOT_NEEDED,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ]
    await clock.complete(cluster.nodes.start(1))
    await clock.until(lambda: 1 in cluster.describe_topic("orders").partitions[0].isr)
    answer = await clock.complete(_ask(cluster, ElectLeadersRequest(ElectionType.PREFERRED)))
    assert dict(answer.partitions) == {one: Outcome()}
    assert cluster.describe_topic("orders").partitions[0].leader == 1


async def test_an_unclean_election_gives_a_partition_without_leader_to_whoever_lives(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders", replication_factor=2)
    await cluster.nodes.crash(2)
    await clock.advance(10_000)
    await cluster.nodes.crash(1)
    await clock.advance(10_000)
    asked = ElectLeadersRequest(ElectionType.UNCLEAN, (TP,))
    answer = await clock.complete(_ask(cluster, asked, 3))
    assert answer.partitions[TP].error is ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE
    await clock.complete(cluster.nodes.start(2))
    await clock.advance(3_000)
    assert cluster.describe_topic("orders").partitions[0].leader is None
    answer = await clock.complete(_ask(cluster, asked, 3))
    assert answer.partitions[TP] == Outcome()
    assert cluster.describe_topic("orders").partitions[0].leader == 2
    assert "what they lack is lost" in _told(cluster)
    answer = await clock.complete(_ask(cluster, asked, 3))
    assert answer.partitions[TP].error is ErrorCode.ELECTION_NOT_NEEDED


async def test_a_move_under_way_is_listed_and_can_be_called_off(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=2)
    cluster.faults.cut(3, 1)  # so that broker 3 cannot copy
    answer = await clock.complete(_ask(cluster, AlterPartitionReassignmentsRequest({TP: (3, 2)})))
    assert answer.partitions == {TP: Outcome()}
    listed = await clock.complete(_ask(cluster, ListPartitionReassignmentsRequest()))
    assert listed.partitions == {TP: Reassignment((3, 2, 1), (3,), (1,))}
    assert (await _ask(cluster, ListPartitionReassignmentsRequest((TopicPartition("other", 0),)))).partitions == {}
    call_off = AlterPartitionReassignmentsRequest({TP: None})
    assert (await clock.complete(_ask(cluster, call_off))).partitions == {TP: Outcome()}
    assert set(cluster.describe_topic("orders").partitions[0].replicas) == {1, 2}
    assert _told(cluster) == "orders-0 stays on brokers 2, 1: its move was called off."
    answer = await clock.complete(_ask(cluster, call_off))
    assert answer.partitions[TP].error is ErrorCode.NO_REASSIGNMENT_IN_PROGRESS


async def test_who_holds_a_partition_no_more_is_not_said_to_lag(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=2)
    await clock.complete(_ask(cluster, AlterPartitionReassignmentsRequest({TP: (3, 2)})))
    await clock.until(lambda: cluster.controller.state_of(TP).replicas == (3, 2))
    told = [event.sentence() for event in cluster.events.last(3)]
    assert any("has moved: brokers 3, 2 hold it" in sentence for sentence in told)
    assert not any("lags" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("tp", "target", "code"),
    [
        (TP, (1, 7), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (TP, (), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        (TP, (1, 2, 3), ErrorCode.INVALID_REPLICATION_FACTOR),
        (TopicPartition("nowhere", 0), (1, 2), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TopicPartition("orders", 5), (1, 2), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ],
)
async def test_a_move_that_cannot_be_is_refused(
    cluster: Cluster, clock: ManualClock, tp: TopicPartition, target: tuple[int, ...], code: ErrorCode
) -> None:
    await cluster.create_topic("orders", replication_factor=2)
    request = AlterPartitionReassignmentsRequest({tp: target}, allow_replication_factor_change=False)
    assert (await clock.complete(_ask(cluster, request))).partitions[tp].error is code


async def test_a_broker_tells_where_its_logs_lie_and_how_large_they_are(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await cluster.create_topic("orders")
        await cluster.browser.produce("orders", None, b"x" * 100)
        leader = cluster.nodes.leader(TP).broker_id
        answer = await _ask(cluster, DescribeLogDirsRequest(), leader)
        assert answer.path == str(tmp_path / "lab" / f"broker-{leader}.db")
        assert answer.replicas[TP].size_bytes == cluster.describe_topic("orders").partitions[0].size_bytes > 100
        assert 0 < answer.usable_bytes <= answer.total_bytes
        assert (await _ask(cluster, DescribeLogDirsRequest((TP,)), leader % 3 + 1)).replicas == {}


# Groups


async def _emptied_group(cluster: Cluster, clock: ManualClock) -> None:
    """A group that had a member, which has read all ten records and left."""
    await cluster.create_topic("orders")
    for number in range(10):
        await cluster.browser.produce("orders", None, b"%d" % number)
    name = await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",)))
    await clock.advance(10_000)
    await clock.complete(cluster.workload.stop(name))


async def test_offsets_moved_from_outside_are_told_as_the_labs_own_are(cluster: Cluster, clock: ManualClock) -> None:
    await _emptied_group(cluster, clock)
    await clock.complete(cluster.offsets.apply(await clock.complete(cluster.offsets.plan("billing", Earliest()))))
    of_the_lab = _told(cluster)
    for offset in (10, 0):
        request = OffsetCommitRequest("billing", {TP: OffsetAndMetadata(offset)})
        await clock.complete(cluster.ask_coordinator("billing", request))
    assert _told(cluster) == of_the_lab
    assert "10 records will be delivered again" in of_the_lab


async def test_a_consumer_without_a_group_commits_without_a_word(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await clock.complete(cluster.ask_coordinator("solo", OffsetCommitRequest("solo", {TP: OffsetAndMetadata(1)})))
    before = cluster.events.count
    await clock.complete(cluster.ask_coordinator("solo", OffsetCommitRequest("solo", {TP: OffsetAndMetadata(0)})))
    assert cluster.events.count == before


async def test_groups_and_offsets_deleted_from_outside_are_told(cluster: Cluster, clock: ManualClock) -> None:
    await _emptied_group(cluster, clock)
    await clock.complete(cluster.ask_coordinator("billing", OffsetDeleteRequest("billing", (TP,))))
    assert "billing: the committed offset of 1 partition was deleted" in _told(cluster)
    await clock.complete(cluster.ask_coordinator("billing", DeleteGroupsRequest(("billing",))))
    assert _told(cluster) == "The group billing was deleted, with 0 committed offsets."


async def test_a_group_with_members_is_not_deleted(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",)))
    await clock.advance(5_000)
    with pytest.raises(NonEmptyGroupError):
        await clock.complete(cluster.offsets.delete_group("billing"))
