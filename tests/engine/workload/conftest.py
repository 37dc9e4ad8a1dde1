from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.clock import ManualClock
from tests.engine.workload.bench import Bench


@pytest.fixture
async def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000.0)


@pytest.fixture
async def make() -> AsyncIterator[type[Bench]]:
    made: list[Bench] = []

    class Kept(Bench):
        def __init__(self, **spec: Any) -> None:
            super().__init__(**spec)
            made.append(self)

    yield Kept
    for bench in made:
        if bench.driven.alive:
            bench.driven.crash()
        await bench.clock.settle()
