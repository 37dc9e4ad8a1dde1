import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from engine.types import TopicPartition
from tests.engine.storage.helpers import store, stored
from tests.engine.storage.producing_process import PARTITIONS

ROOT = Path(__file__).parents[3]
KILLS = 6

Acknowledged = dict[tuple[int, int], bytes]
"""By partition and offset, what was said to be stored there."""


def produce_and_kill(path: Path, run: int, after: int) -> Acknowledged:
    """What a producing process had acknowledged when it was killed, some time after its first `after` appends."""
    command = [sys.executable, "-m", "tests.engine.storage.producing_process", str(path), str(run)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -9
    acknowledged: Acknowledged = {}
    for line in lines:
        if line.endswith("\n"):
            partition, base_offset, *values = line.split()
            for index, value in enumerate(values):
                acknowledged[int(partition), int(base_offset) + index] = value.encode()
    return acknowledged


async def test_after_each_kill_every_acknowledged_record_is_there_once_and_there_is_no_gap(tmp_path: Path) -> None:
    rng = random.Random(7)
    acknowledged: Acknowledged = {}
    for run in range(KILLS):
        acknowledged |= produce_and_kill(tmp_path / "b.db", run, after=rng.randint(1, 300))
        async with store(tmp_path / "b.db") as opened:
            found: Acknowledged = {}
            for number in range(PARTITIONS):
                log = opened.log(TopicPartition("t", number))
                records = await stored(log)
                assert [record.offset for record in records] == list(range(log.log_end_offset))
                found |= {(number, record.offset): record.value or b"" for record in records}
        assert len(acknowledged) > run
        assert {place: found.get(place) for place in acknowledged} == acknowledged
        assert max(Counter(found.values()).values()) == 1
