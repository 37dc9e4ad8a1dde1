"""A lab that was closed, or whose program was killed, is found as it was; one that cannot be opened says why."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.cluster.first_world import populate
from engine.cluster.folder import list_labs
from engine.cluster.offsets import Earliest
from engine.errors import (
    KafkaStorageError,
    LabDamagedError,
    LabLockedError,
    LabNotWritableError,
    LabTooNewError,
    NotALabError,
    RefusedError,
)
from engine.snapshot import GroupState, World
from engine.types import TopicPartition
from engine.workload.spec import ConsumerSpec
from tests.engine.cluster.conftest import START_MS


def _open(folder: Path, clock: ManualClock, brokers: int | None = None) -> Cluster:
    return Cluster.open(folder, brokers=brokers, clock=clock, inline_storage=True, seed=7)


def _standing(world: World) -> dict[str, object]:
    group = world.group("billing")
    assert group is not None
    return {
        "ends": [partition.log_end_offset for partition in (world.topic("orders") or world.topics[0]).partitions],
        "generation": group.generation,
        "members": [member.member_id for member in group.members],
        "assignment": [member.assignment for member in group.members],
        "committed": [offset.committed for offset in group.offsets],
        "producers": [(view.name, view.state, view.rate, view.acked) for view in world.producers],
        "consumers": [(view.name, view.state, view.processed) for view in world.consumers],
    }


async def test_the_same_world_is_found_again(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await populate(cluster)
        await clock.advance(20_000)
        await cluster.workload.crash("web-2")
        before = _standing(cluster.snapshot())
    async with _open(tmp_path / "lab", clock) as cluster:
        assert not cluster.is_new
        await clock.settle()
        assert _standing(cluster.snapshot()) == before
        await clock.advance(20_000)
        world = cluster.snapshot()
        group = world.group("billing")
        assert group is not None
        assert group.state is GroupState.STABLE
        assert group.generation == before["generation"]
        assert world.producers[0].acked > cluster.snapshot().producers[1].acked


async def test_what_happened_is_found_again(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await populate(cluster)
        await clock.advance(10_000)
        await cluster.workload.crash("billing-2")
        await clock.advance(30_000)
        before, told = cluster.snapshot(), [event.sentence() for event in cluster.events.last(100)]
    async with _open(tmp_path / "lab", clock) as cluster:
        again = cluster.snapshot()
        group, past = again.group("billing"), before.group("billing")
        assert group is not None
        assert past is not None
        assert len(past.rebalances) > 1
        assert group.rebalances == past.rebalances
        assert again.throughput == before.throughput
        assert [each.history for each in again.producers] == [each.history for each in before.producers]
        assert [each.history for each in again.consumers] == [each.history for each in before.consumers]
        assert [event.sentence() for event in cluster.events.last(100)][: len(told)] == told
        await clock.advance(2_000)
    async with _open(tmp_path / "lab", clock) as cluster:
        group = cluster.snapshot().group("billing")
        assert group is not None
        assert group.rebalances == past.rebalances, "written once"


async def test_what_was_moved_can_be_undone_after_the_lab_was_closed(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await populate(cluster)
        await clock.advance(10_000)
        for name in ("billing-1", "billing-2"):
            await clock.complete(cluster.workload.stop(name))
        before = _standing(cluster.snapshot())["committed"]
        await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", Earliest())))
    async with _open(tmp_path / "lab", clock) as cluster:
        assert cluster.snapshot().undo == "billing: 6 partitions"
        assert await clock.complete(cluster.offsets.undo()) == "billing: 6 partitions"
        assert _standing(cluster.snapshot())["committed"] == before
        assert cluster.snapshot().undo == ""


async def test_a_deleted_groups_rebalances_are_not_those_of_another_by_its_name(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await populate(cluster)
        await clock.advance(10_000)
        for name in ("billing-1", "billing-2"):
            await clock.complete(cluster.workload.remove(name))
        await clock.complete(cluster.offsets.delete_group("billing"))
    async with _open(tmp_path / "lab", clock) as cluster:
        await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",)))
        await clock.advance(10_000)
        group = cluster.snapshot().group("billing")
        assert group is not None
        assert [each.to_generation for each in group.rebalances] == [1]


async def test_a_groups_history_outlives_its_coordinator(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await populate(cluster)
        await clock.advance(10_000)
        group = cluster.snapshot().group("billing")
        assert group is not None
        await cluster.faults.crash(group.coordinator or 0)
        await clock.advance(30_000)
        later = cluster.snapshot().group("billing")
        assert later is not None
        assert later.coordinator not in (None, group.coordinator)
        assert later.rebalances[: len(group.rebalances)] == group.rebalances


async def test_a_lab_in_use_names_the_process(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock):
        with pytest.raises(LabLockedError, match=str(os.getpid())):
            await _open(tmp_path / "lab", clock).start()
        [entry] = list_labs(tmp_path)
        assert entry.open_by == os.getpid()
    [entry] = list_labs(tmp_path)
    assert entry.open_by is None


async def test_a_lab_left_by_a_killed_process_opens_again(tmp_path: Path, clock: ManualClock) -> None:
    lab = tmp_path / "lab"
    script = (
        "import asyncio, os, signal, sys\n"
        "from engine import Cluster\n"
        "async def main():\n"
        "    async with Cluster.open(sys.argv[1]) as cluster:\n"
        "        await cluster.create_topic('orders')\n"
        "        await cluster.browser.produce('orders', b'k', b'v')\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", script, str(lab)], check=False, timeout=60)
    async with _open(lab, clock) as cluster:
        assert cluster.describe_topic("orders").partitions[0].log_end_offset == 1


async def test_a_folder_with_other_files_is_no_lab(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(NotALabError, match="Name an empty folder"):
        await _open(tmp_path, clock).start()
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


async def test_a_file_is_no_lab(tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "lab").write_text("mine")
    with pytest.raises(NotALabError, match="is a file"):
        await _open(tmp_path / "lab", clock).start()


@pytest.mark.parametrize("name", ["cluster.db", "broker-2.db"])
async def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, clock: ManualClock, name: str) -> None:
    async with _open(tmp_path / "lab", clock):
        pass
    file = tmp_path / "lab" / name
    file.write_bytes(b"this is no database" * 500)
    with pytest.raises(LabDamagedError, match=name):
        await _open(tmp_path / "lab", clock).start()
    assert file.read_bytes().startswith(b"this is no database")


async def test_a_lab_whose_own_file_was_emptied_is_not_taken_for_a_new_one(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock) as cluster:
        await cluster.create_topic("orders")
        await cluster.browser.produce("orders", b"k", b"v")
    records = (tmp_path / "lab" / "broker-1.db").read_bytes()
    (tmp_path / "lab" / "cluster.db").write_bytes(b"")
    for _ in range(2):
        with pytest.raises(LabDamagedError, match=r"cluster\.db.*empty"):
            await _open(tmp_path / "lab", clock).start()
    assert (tmp_path / "lab" / "broker-1.db").read_bytes() == records


async def test_a_lab_of_a_newer_version_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    import sqlite3

    async with _open(tmp_path / "lab", clock):
        pass
    with sqlite3.connect(tmp_path / "lab" / "cluster.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(LabTooNewError, match="newer"):
        await _open(tmp_path / "lab", clock).start()


async def test_a_lab_can_get_more_brokers_but_not_fewer(tmp_path: Path, clock: ManualClock) -> None:
    async with _open(tmp_path / "lab", clock, brokers=2) as cluster:
        assert len(cluster.snapshot().brokers) == 2
    async with _open(tmp_path / "lab", clock, brokers=3) as cluster:
        assert len(cluster.snapshot().brokers) == 3
    with pytest.raises(RefusedError, match="not shrink"):
        await _open(tmp_path / "lab", clock, brokers=1).start()


async def test_lab_time_stands_still_while_the_lab_is_closed(tmp_path: Path) -> None:
    async with Cluster.open(tmp_path / "lab", seed=7) as cluster:
        cluster.clock.pause()
        left = cluster.clock.now_ms()
    async with Cluster.open(tmp_path / "lab") as cluster:
        assert cluster.clock.paused
        assert cluster.clock.now_ms() - left < 1_000
        assert cluster.clock.now_ms() > START_MS


async def test_a_temporary_lab_leaves_nothing_behind() -> None:
    async with Cluster.open() as cluster:
        folder = cluster.folder
        assert folder is not None
        assert folder.exists()
    assert not folder.exists()


async def test_a_lab_that_cannot_be_written_any_more_is_closed_all_the_same(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise KafkaStorageError("The disk is full.")

    before = set(threading.enumerate())
    cluster = Cluster.open(tmp_path / "lab", clock=clock, seed=7)
    await cluster.start()
    for broker in cluster.nodes.alive.values():
        monkeypatch.setattr(broker.store, "checkpoint", full)
    with pytest.raises(KafkaStorageError):
        await cluster.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive(), "a file stayed open, and the program would not end"
    async with _open(tmp_path / "lab", clock):
        pass


async def test_a_move_that_was_under_way_goes_on(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await clock.complete(cluster.create_topic("orders"))
        cluster.faults.cut(1, 3)
        await clock.complete(cluster.controller.reassign(TopicPartition("orders", 0), (3,)))
        await clock.advance(2_000)
        assert cluster.describe_topic("orders").partitions[0].replicas == (3, 1)
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.advance(10_000)
        assert cluster.describe_topic("orders").partitions[0].replicas == (3,)


@pytest.mark.parametrize("writing", ["write_bytes", "write_text"])
async def test_a_lab_is_not_opened_on_a_full_disk_and_one_is_told_to_free_some_space(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, writing: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(threading.enumerate())
    monkeypatch.setattr(Path, writing, full)
    with pytest.raises(LabNotWritableError, match=r"The disk is full: .*lab cannot be written\. Free some space"):
        await Cluster.open(tmp_path / "lab", clock=clock, seed=7).start()
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=10)
        assert not thread.is_alive(), "a file stayed open, and the program would not end"
