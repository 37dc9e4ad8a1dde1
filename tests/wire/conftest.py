"""A lab that listens on any free ports, in real time, as clients from outside need it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.cluster import Cluster
from engine.config import BrokerConfig


@pytest.fixture
async def lab() -> AsyncIterator[Cluster]:
    config = BrokerConfig(group_initial_rebalance_delay_ms=0, offsets_topic_num_partitions=5)
    async with Cluster.open(None, brokers=3, seed=7, config=config) as opened:
        await opened.listen(port=0)
        yield opened


@pytest.fixture
def bootstrap(lab: Cluster) -> str:
    """What every client is told: the addresses of all brokers."""
    listening = lab.snapshot().listening
    assert listening is not None
    return ",".join(f"{address.host}:{address.port}" for address in listening.addresses)
