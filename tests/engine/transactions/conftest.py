"""A lab in memory on a clock turned by hand, and transactional producers that speak to it step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from tests.engine.transactions.speaking import Speaker


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000.0)


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        await clock.complete(opened.create_topic("orders", partitions=3, replication_factor=3))
        await clock.complete(opened.controller.ensure_transaction_topic())
        yield opened


@pytest.fixture
async def alice(cluster: Cluster, clock: ManualClock) -> Speaker:
    """The transactional id "alice"."""
    return Speaker(cluster, clock, "alice")
