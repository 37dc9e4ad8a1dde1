from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from tests.engine.clients.lab import BEGAN_MS, Lab


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    clock = ManualClock(BEGAN_MS)
    async with Cluster.open(None, brokers=3, clock=clock, inline_storage=True, seed=7) as cluster:
        lab = Lab(cluster, clock)
        await cluster.create_topic("orders", partitions=6)
        await cluster.create_topic("single", partitions=1)
        yield lab
        await lab.close()
