"""A lab that listens on any free ports, in real time, as clients from outside need it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.snapshot import ListeningView
from engine.types import TopicPartition
from tests.wire.peer import Peer

TP = TopicPartition("orders", 0)


CONFIG = BrokerConfig(
    group_initial_rebalance_delay_ms=0,
    offsets_topic_num_partitions=5,
    broker_heartbeat_interval_ms=500,
    broker_session_timeout_ms=3_000,
)


@pytest.fixture
async def lab() -> AsyncIterator[Cluster]:
    """In memory: what is tried is the way to it."""
    async with Cluster.open(None, brokers=3, inline_storage=True, seed=7, config=CONFIG) as opened:
        await opened.listen(port=0)
        yield opened


@pytest.fixture
def listening(lab: Cluster) -> Callable[[], ListeningView]:
    """How the lab listens, as the snapshot has it."""

    def look() -> ListeningView:
        view = lab.snapshot().listening
        assert view is not None
        return view

    return look


@pytest.fixture
def bootstrap(listening: Callable[[], ListeningView]) -> str:
    """What every client is told: the addresses of all brokers."""
    return ",".join(f"{address.host}:{address.port}" for address in listening().addresses)


@pytest.fixture
async def peer(lab: Cluster) -> AsyncIterator[Peer]:
    """Somebody at the leader of the only partition of `orders`."""
    await lab.create_topic("orders", partitions=1, replication_factor=3)
    opened = await Peer.connect(lab, lab.nodes.leader(TP).broker_id)
    yield opened
    await opened.close()
