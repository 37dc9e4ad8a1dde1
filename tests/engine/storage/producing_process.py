"""A process that appends without end and prints a line for each append that was acknowledged, until it is killed.

Run as `python -m tests.engine.storage.producing_process FILE RUN`. Each record's value is `RUN:NUMBER`, said once only.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
import time
from pathlib import Path

from engine.clock import LabClock
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from tests.engine.storage.helpers import batch_of

PARTITIONS = 3
AT_ONCE = 20


async def produce(path: Path, run: str) -> None:
    """Append batches of one to five records to three partitions, twenty at a time."""
    numbers, rng = itertools.count(), random.Random(run)
    store = await BrokerStore.open(path, LabClock(time.time() * 1000))
    try:
        logs = [await store.create_log(TopicPartition("t", n), bytes(16)) for n in range(PARTITIONS)]

        async def append_for_ever() -> None:
            while True:
                log = rng.choice(logs)
                values = [f"{run}:{next(numbers)}".encode() for _ in range(rng.randint(1, 5))]
                info = await log.append(batch_of([(None, value) for value in values]), leader_epoch=0)
                print(log.tp.partition, info.base_offset, *(value.decode() for value in values), flush=True)

        await asyncio.gather(*(append_for_ever() for _ in range(AT_ONCE)))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(produce(Path(sys.argv[1]), sys.argv[2]))
