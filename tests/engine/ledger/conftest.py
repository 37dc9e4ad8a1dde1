"""A lab in memory on a clock turned by hand, for whole-cluster tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster

START_MS = 1_700_000_000_000.0


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        yield opened
