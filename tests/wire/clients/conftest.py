"""Real clients get a lab on a real disk."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.cluster import Cluster
from tests.wire.conftest import CONFIG


@pytest.fixture
async def lab() -> AsyncIterator[Cluster]:
    async with Cluster.open(None, brokers=3, seed=7, config=CONFIG) as opened:
        await opened.listen(port=0)
        yield opened
