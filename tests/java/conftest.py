"""A lab that listens, and Apache Kafka's own programs to point at it. `make test-java` gets their jars first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.cluster import Cluster
from tests.java.tools import JARS, Java


@pytest.fixture(scope="session", autouse=True)
def jars() -> Path:
    assert any(JARS.glob("kafka-clients-*.jar")), f"{JARS} holds no jars; run `make test-java`, which gets them."
    return JARS


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster.open(seed=7) as opened:
        await opened.listen(port=0)
        yield opened


@pytest.fixture
def java(cluster: Cluster, tmp_path: Path) -> Java:
    listening = cluster.snapshot().listening
    assert listening is not None
    first = listening.addresses[0]
    return Java(f"{first.host}:{first.port}", tmp_path)
