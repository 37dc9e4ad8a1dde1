"""Administrative requests in every version, decoded by kio: nothing is null that must not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kio.index import load_request_schema

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.messages import OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition
from engine.wire.apis import APIS
from engine.wire.operations import Operation
from tests.wire.peer import Peer, entity_of

MINUTE = timedelta(minutes=1)

ASKED: dict[int, dict[str, Any]] = {
    15: {"groups": ["billing", "nobody"], "include_authorized_operations": False},
    16: {"states_filter": ["empty"], "types_filter": ["classic"]},
    19: {
        "topics": [
            {"name": "new", "num_partitions": 2, "replication_factor": 1, "assignments": [],
             "configs": [{"name": "retention.ms", "value": "60000"}]},
            {"name": "orders", "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []},
        ],
        "timeout": MINUTE,
        "validate_only": False,
    },
    20: {"topic_names": ["orders", "nowhere"],
         "topics": [{"name": "orders", "topic_id": None}, {"name": "nowhere", "topic_id": None}],
         "timeout": MINUTE},
    21: {"topics": [{"name": "orders", "partitions": [{"partition_index": 0, "offset": -1}]}], "timeout": MINUTE},
    32: {
        "resources": [
            {"resource_type": 2, "resource_name": "orders", "configuration_keys": None},
            {"resource_type": 2, "resource_name": "nowhere", "configuration_keys": None},
            {"resource_type": 4, "resource_name": "1", "configuration_keys": ["num.partitions"]},
        ],
        "include_synonyms": True,
        "include_documentation": True,
    },
    33: {"resources": [{"resource_type": 2, "resource_name": "orders", "configs": [{"name": "retention.ms",
                                                                                    "value": "1000"}]}],
         "validate_only": False},
    35: {"topics": None},
    37: {"topics": [{"name": "orders", "count": 3, "assignments": None}], "timeout": MINUTE, "validate_only": False},
    42: {"groups_names": ["billing", "nobody"]},
    43: {"election_type": 0, "topic_partitions": [{"topic": "orders", "partitions": [0, 9]}], "timeout": MINUTE},
    44: {"resources": [{"resource_type": 2, "resource_name": "orders", "configs": [
        {"name": "retention.ms", "config_operation": 0, "value": "1000"}]}], "validate_only": False},
    45: {"timeout": MINUTE, "allow_replication_factor_change": True, "topics": [
        {"name": "orders", "partitions": [{"partition_index": 0, "replicas": [2, 1]},
                                          {"partition_index": 1, "replicas": None}]}]},
    46: {"timeout": MINUTE, "topics": None},
    47: {"group_id": "billing", "topics": [{"name": "orders", "partitions": [{"partition_index": 0},
                                                                            {"partition_index": 9}]}]},
    60: {"include_cluster_authorized_operations": False, "endpoint_type": 1, "include_fenced_brokers": True},
    75: {"topics": [{"name": "orders"}, {"name": "nowhere"}], "response_partition_limit": 10, "cursor": None},
}  # fmt: skip
"""What is asked, by API key, with the fields of all versions."""


REFUSED = {
    15: ["group_id_not_found"],
    19: ["topic_already_exists"],
    20: ["unknown_topic_or_partition"],
    32: ["unknown_topic_or_partition"],
    42: ["group_id_not_found"],
    43: ["election_not_needed", "unknown_topic_or_partition"],
    45: ["invalid_replica_assignment", "no_reassignment_in_progress"],
    47: ["unknown_topic_or_partition"],
    75: ["unknown_topic_or_partition"],
}
"""What part of it is refused with."""


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    """Connected to the only broker, which coordinates every group."""
    config = BrokerConfig(offsets_topic_num_partitions=1)
    async with Cluster.open(None, brokers=1, seed=7, config=config) as lab:
        await lab.listen(port=0)
        await lab.create_topic("orders", partitions=2)
        await lab.browser.produce("orders", b"k", b"v", partition=0)
        committed = {TopicPartition("orders", 0): OffsetAndMetadata(1)}
        await lab.ask_coordinator("billing", OffsetCommitRequest("billing", committed))
        opened = await Peer.connect(lab)
        yield opened
        await opened.close()


@pytest.mark.parametrize(
    ("key", "version"),
    [(key, version) for key in sorted(ASKED) for version in range(APIS[key].first, APIS[key].last + 1)],
    ids=lambda value: str(value),
)
async def test_every_version_is_answered_in_its_own_form(peer: Peer, key: int, version: int) -> None:
    entity = entity_of(load_request_schema(key, version), ASKED[key])
    answer = await peer.ask(key, version, **{name: getattr(entity, name) for name in entity.__slots__})
    codes = [each.error_code.name for each in _parts(answer) if hasattr(each, "error_code") and each.error_code]
    assert sorted(codes) == ([] if (key == 15 and version < 6) else REFUSED.get(key, [])), answer


async def test_lists_that_javas_client_cannot_do_without_are_empty_and_not_null(peer: Peer) -> None:
    entity = entity_of(load_request_schema(75, 0), ASKED[75])
    told = await peer.ask(75, 0, **{name: getattr(entity, name) for name in entity.__slots__})
    orders = next(topic for topic in told.topics if topic.name == "orders")
    assert [part.eligible_leader_replicas for part in orders.partitions] == [(), ()]
    entity = entity_of(load_request_schema(19, 7), ASKED[19])
    made = await peer.ask(19, 7, **{name: getattr(entity, name) for name in entity.__slots__})
    configs = {topic.name: topic.configs for topic in made.topics}
    assert configs["orders"] == (), "it could not be made"
    assert {config.name: config.value for config in configs["new"]}["retention.ms"] == "60000"


ON_TOPIC = {"read", "write", "create", "delete", "alter", "describe", "describe_configs", "alter_configs"}
ON_GROUP = {"read", "delete", "describe", "describe_configs", "alter_configs"}
ON_CLUSTER = {"create", "alter", "describe", "cluster_action", "describe_configs", "alter_configs", "idempotent_write"}


@pytest.mark.parametrize(
    ("key", "version", "asks", "where", "allowed"),
    [
        (3, 8, "include_topic_authorized_operations", "topic_authorized_operations", ON_TOPIC),
        (3, 13, "include_topic_authorized_operations", "topic_authorized_operations", ON_TOPIC),
        (3, 8, "include_cluster_authorized_operations", "cluster_authorized_operations", ON_CLUSTER),
        (15, 3, "include_authorized_operations", "authorized_operations", ON_GROUP),
        (15, 6, "include_authorized_operations", "authorized_operations", ON_GROUP),
        (60, 0, "include_cluster_authorized_operations", "cluster_authorized_operations", ON_CLUSTER),
        (69, 1, "include_authorized_operations", "authorized_operations", ON_GROUP),
    ],
)
async def test_who_asks_what_it_may_do_is_told_everything_and_who_does_not_nothing(
    peer: Peer, key: int, version: int, asks: str, where: str, allowed: set[str]
) -> None:
    if key == 69:
        await peer.ask(68, 1, group_id="new", member_id="m", member_epoch=0, subscribed_topic_names=("orders",),
                       rebalance_timeout=MINUTE, topic_partitions=())  # fmt: skip
    asked_of: dict[int, dict[str, Any]] = {
        3: {"topics": [{"name": "orders", "topic_id": None}], "allow_auto_topic_creation": False,
            "include_topic_authorized_operations": False, "include_cluster_authorized_operations": False},
        15: {"groups": ["billing"]},
        60: {"endpoint_type": 1, "include_fenced_brokers": False},
        69: {"group_ids": ["new"]},
    }  # fmt: skip
    for asked, told in ((True, allowed), (False, None)):
        entity = entity_of(load_request_schema(key, version), {**asked_of[key], asks: asked})
        answer = await peer.ask(key, version, **{name: getattr(entity, name) for name in entity.__slots__})
        [bits] = [getattr(part, where) for part in _parts(answer) if hasattr(part, where)]
        assert _operations(bits) == told


def _operations(bits: int) -> set[str] | None:
    return None if bits < 0 else {each.name.lower() for each in Operation if bits >> each & 1}


async def test_partitions_are_told_page_by_page_and_a_page_has_one_at_least(peer: Peer) -> None:
    def asked(limit: int, cursor: tuple[str, int] | None) -> Any:
        at = None if cursor is None else {"topic_name": cursor[0], "partition_index": cursor[1]}
        return entity_of(load_request_schema(75, 0), {**ASKED[75], "response_partition_limit": limit, "cursor": at})

    async def page(limit: int, cursor: tuple[str, int] | None) -> Any:
        entity = asked(limit, cursor)
        return await peer.ask(75, 0, **{name: getattr(entity, name) for name in entity.__slots__})

    first = await page(0, ("orders", 0))
    [orders] = first.topics
    assert [part.partition_index for part in orders.partitions] == [0]
    assert _operations(orders.topic_authorized_operations) == ON_TOPIC
    assert (first.next_cursor.topic_name, first.next_cursor.partition_index) == ("orders", 1)
    rest = await page(1, ("orders", 1))
    assert ([part.partition_index for part in rest.topics[0].partitions], rest.next_cursor) == ([1], None)
    for wrong in (("elsewhere", 0), ("orders", -1)):
        assert {topic.error_code.name for topic in (await page(1, wrong)).topics} == {"invalid_request"}


async def test_a_broker_that_is_down_is_told_as_fenced_to_who_asks(lab: Cluster) -> None:
    await lab.nodes.stop(3)
    peer = await Peer.connect(lab)
    for include, expected in ((True, [(1, False), (2, False), (3, True)]), (False, [(1, False), (2, False)])):
        asked = {"include_cluster_authorized_operations": False, "endpoint_type": 1, "include_fenced_brokers": include}
        told = await peer.ask(60, 2, **asked)
        assert sorted((broker.broker_id, broker.is_fenced) for broker in told.brokers) == expected
    asked["endpoint_type"] = 2
    assert (await peer.ask(60, 2, **asked)).error_code.name == "mismatched_endpoint_type"
    await peer.close()


def _parts(answer: Any) -> list[Any]:
    parts = [answer]
    for name in getattr(answer, "__slots__", ()):
        value = getattr(answer, name)
        parts += [part for each in (value if isinstance(value, tuple) else ()) for part in _parts(each)]
    return parts
