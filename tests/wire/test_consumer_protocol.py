"""The consumer protocol (KIP-848) on the wire: byte by byte, and with confluent-kafka beside the lab's own members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import confluent_kafka
import pytest

from engine.clients.consumer import Consumer
from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.coordinators.placing import partition_for
from engine.errors import ErrorCode
from engine.messages import FindCoordinatorRequest
from engine.snapshot import GroupProtocol, GroupState, GroupView
from engine.types import ClientInfo
from tests.wire.peer import Peer

COMMIT, FETCH, HEARTBEAT, DESCRIBE = 8, 9, 68, 69
WITHIN_S = 30
ABSENT = next(f"h-{n}" for n in range(99) if partition_for(f"h-{n}", 5) == partition_for("g", 5))
"""A group that is not there, and would have the same coordinator."""


async def until(condition: Callable[[], bool]) -> None:
    """Real clients take real time."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await asyncio.sleep(0.02)


def group(lab: Cluster) -> GroupView | None:
    return lab.snapshot().group("g")


@pytest.fixture
async def coordinator(lab: Cluster) -> AsyncIterator[Peer]:
    await lab.create_topic("orders", partitions=4, replication_factor=3)
    found = await lab.network.call(ClientInfo("test"), 1, FindCoordinatorRequest("g"))
    opened = await Peer.connect(lab, found.broker_id)
    yield opened
    await opened.close()


async def heartbeat(peer: Peer, version: int, member_id: str, epoch: int, **changes: Any) -> Any:
    asked: dict[str, Any] = {"subscribed_topic_names": None, "rebalance_timeout": peer.ms(-1), "topic_partitions": None}
    if epoch == 0:
        asked = {"subscribed_topic_names": ("orders",), "rebalance_timeout": peer.ms(5_000), "topic_partitions": ()}
    return await peer.ask(
        HEARTBEAT, version, group_id="g", member_id=member_id, member_epoch=epoch, **{**asked, **changes}
    )


@pytest.mark.parametrize("version", [0, 1])
async def test_joining_brings_topic_ids_and_partitions(lab: Cluster, coordinator: Peer, version: int) -> None:
    answer = await heartbeat(coordinator, version, "m", 0)
    assert (answer.error_code, answer.member_id, answer.member_epoch) == (0, "m", 1)
    (topic,) = answer.assignment.topic_partitions
    assert topic.topic_id == UUID(bytes=lab.controller.topics["orders"].topic_id)
    assert sorted(topic.partitions) == [0, 1, 2, 3]
    quiet = await heartbeat(coordinator, version, "m", 1)
    assert (quiet.error_code, quiet.assignment) == (0, None)
    gone = await heartbeat(coordinator, version, "m", -1)
    assert (gone.error_code, gone.member_epoch) == (0, -1)


async def test_version_0_has_the_coordinator_name_the_member_and_version_1_does_not(coordinator: Peer) -> None:
    named = await heartbeat(coordinator, 0, "", 0)
    assert named.member_id
    refused = await heartbeat(coordinator, 1, "", 0)
    assert refused.error_code == ErrorCode.INVALID_REQUEST


async def test_version_1_subscribes_by_a_pattern_and_a_bad_one_is_told_of(lab: Cluster, coordinator: Peer) -> None:
    await heartbeat(coordinator, 1, "m", 0, subscribed_topic_names=(), subscribed_topic_regex="ord.*")
    await until(lambda: (seen := group(lab)) is not None and seen.generation == 2)  # what it matches was found
    answer = await heartbeat(coordinator, 1, "m", 1)
    assert len(answer.assignment.topic_partitions) == 1
    bad = await heartbeat(coordinator, 1, "n", 0, subscribed_topic_names=(), subscribed_topic_regex="(")
    assert bad.error_code == ErrorCode.INVALID_REGULAR_EXPRESSION
    assert "regular expression" in bad.error_message


async def test_who_speaks_of_another_epoch_is_fenced(coordinator: Peer) -> None:
    await heartbeat(coordinator, 1, "m", 0)
    answer = await heartbeat(coordinator, 1, "m", 9)
    assert answer.error_code == ErrorCode.FENCED_MEMBER_EPOCH


@pytest.mark.parametrize(
    ("version", "stale", "right"),
    [
        (8, ErrorCode.UNSUPPORTED_VERSION, ErrorCode.UNSUPPORTED_VERSION),
        (9, ErrorCode.STALE_MEMBER_EPOCH, ErrorCode.NONE),
    ],
)
async def test_a_member_commits_in_its_own_epoch_and_by_a_version_that_knows_of_epochs(
    coordinator: Peer, version: int, stale: ErrorCode, right: ErrorCode
) -> None:
    await heartbeat(coordinator, 1, "m", 0)
    partition = coordinator.part(
        COMMIT, version, "OffsetCommitRequestPartition",
        partition_index=0, committed_offset=7, committed_leader_epoch=-1, committed_metadata="",
    )  # fmt: skip
    topic = coordinator.part(COMMIT, version, "OffsetCommitRequestTopic", name="orders", partitions=(partition,))
    for epoch, expected in ((3, stale), (1, right)):
        answer = await coordinator.ask(
            COMMIT, version, group_id="g", generation_id_or_member_epoch=epoch, member_id="m", group_instance_id=None,
            topics=(topic,),
        )  # fmt: skip
        assert answer.topics[0].partitions[0].error_code == expected


async def test_offsets_are_told_to_a_member_in_its_own_epoch_alone(coordinator: Peer) -> None:
    await heartbeat(coordinator, 1, "m", 0)
    for epoch, expected in ((3, ErrorCode.STALE_MEMBER_EPOCH), (1, ErrorCode.NONE)):
        asked = coordinator.part(
            FETCH, 9, "OffsetFetchRequestGroup", group_id="g", member_id="m", member_epoch=epoch, topics=None
        )
        answer = await coordinator.ask(FETCH, 9, groups=(asked,), require_stable=False)
        assert answer.groups[0].error_code == expected


@pytest.mark.parametrize("version", [0, 1])
async def test_groups_are_described_with_targets(coordinator: Peer, version: int) -> None:
    await heartbeat(coordinator, 1, "m", 0)
    answer = await coordinator.ask(DESCRIBE, version, group_ids=("g", ABSENT), include_authorized_operations=False)
    found, missing = answer.groups
    assert (found.group_state, found.group_epoch, found.assignor_name) == ("Stable", 1, "uniform")
    (member,) = found.members
    assert member.target_assignment == member.assignment
    assert [topic.topic_name for topic in member.assignment.topic_partitions] == ["orders"]
    assert member.client_host.startswith("/")
    assert missing.error_code == ErrorCode.GROUP_ID_NOT_FOUND


class Outsider:
    """A confluent-kafka consumer that polls in a thread until it is stopped."""

    def __init__(self, bootstrap: str, name: str, **options: Any) -> None:
        self.values: list[bytes] = []
        self.owned: set[int] = set()
        self._going = True
        self._consumer = confluent_kafka.Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "g",
                "client.id": name,
                "group.protocol": "consumer",
                "auto.offset.reset": "earliest",
                **options,
            }
        )
        self._consumer.subscribe(["orders"])
        self._polling = asyncio.create_task(asyncio.to_thread(self._poll))

    def _poll(self) -> None:
        while self._going:
            message = self._consumer.poll(0.1)
            self.owned = {tp.partition for tp in self._consumer.assignment()}
            if message is not None and message.error() is None:
                self.values.append(message.value() or b"")
        self._consumer.close()

    async def stop(self) -> None:
        self._going = False
        await self._polling


def share_all(*consumers: Outsider | Consumer) -> bool:
    owned = [
        each.owned if isinstance(each, Outsider) else {tp.partition for tp in each.assignment()} for each in consumers
    ]
    return sorted(number for share in owned for number in share) == [0, 1, 2, 3] and all(owned)


async def test_confluent_kafka_and_the_labs_consumers_share_a_group(lab: Cluster, bootstrap: str) -> None:
    await lab.create_topic("orders", partitions=4, replication_factor=3)
    async with lab.producer() as producer:
        for number in range(40):
            await producer.send_and_wait("orders", b"%d" % number, partition=number % 4)
    first = Outsider(bootstrap, "outside-1", **{"group.remote.assignor": "range"})
    await until(lambda: len(first.values) == 40)
    view = group(lab)
    assert view is not None
    assert (view.protocol, view.assignor) == (GroupProtocol.CONSUMER, "range")
    async with lab.consumer(
        "orders", group_id="g", client_id="inside", group_protocol="consumer", auto_offset_reset="earliest"
    ) as inside:
        await until(lambda: share_all(first, inside))
        second = Outsider(bootstrap, "outside-2")
        await until(lambda: share_all(first, inside, second))
        await until(lambda: (view := group(lab)) is not None and view.state is GroupState.STABLE)
        assert not await inside.getmany(timeout_ms=50)  # what was read before was committed
        await second.stop()
        await until(lambda: share_all(first, inside))
    await until(lambda: first.owned == {0, 1, 2, 3})
    async with lab.producer() as producer:
        for number in range(40, 44):
            await producer.send_and_wait("orders", b"%d" % number, partition=number % 4)
    await until(lambda: len(first.values) == 44)
    assert sorted(map(int, first.values)) == list(range(44))
    await first.stop()
    await until(lambda: (view := group(lab)) is not None and view.state is GroupState.EMPTY)
    offsets = group(lab)
    assert offsets is not None
    assert {each.committed for each in offsets.offsets} == {11}


async def test_confluent_kafka_goes_on_in_its_epoch_when_the_coordinator_dies() -> None:
    config = BrokerConfig(
        offsets_topic_num_partitions=5, broker_session_timeout_ms=1_500, broker_heartbeat_interval_ms=300
    )
    async with Cluster.open(None, brokers=3, seed=7, config=config) as lab:
        await lab.listen(port=0)
        await lab.create_topic("orders", partitions=4, replication_factor=3)
        listening = lab.snapshot().listening
        assert listening is not None
        bootstrap = ",".join(f"{address.host}:{address.port}" for address in listening.addresses)
        outsiders = [Outsider(bootstrap, "outside-1"), Outsider(bootstrap, "outside-2")]
        await until(lambda: share_all(*outsiders))
        await until(lambda: (view := group(lab)) is not None and view.state is GroupState.STABLE)
        before = group(lab)
        assert before is not None
        assert before.coordinator is not None
        owned = [each.owned for each in outsiders]
        await lab.faults.crash(before.coordinator)
        await until(lambda: (view := group(lab)) is not None and view.coordinator not in (None, before.coordinator))
        async with lab.producer() as producer:
            for number in range(20):
                await producer.send_and_wait("orders", b"%d" % number, partition=number % 4)
        await until(lambda: sum(len(each.values) for each in outsiders) == 20)
        after = group(lab)
        assert after is not None
        assert (after.generation, [each.owned for each in outsiders]) == (before.generation, owned)
        for each in outsiders:
            await each.stop()
