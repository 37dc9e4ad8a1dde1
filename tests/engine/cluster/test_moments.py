"""A world that is put back to a moment is the world of that moment, and goes on from there as after a kill."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster, moments
from engine.cluster.first_world import populate
from engine.cluster.moments import MOST_AUTOMATIC
from engine.errors import KafkaStorageError, LabLockedError, LabNotWritableError, RefusedError
from engine.snapshot import GroupState, World
from engine.types import TopicPartition


@pytest.fixture
async def lab(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as opened:
        await populate(opened)
        await clock.advance(10_000)
        yield opened


def _ends(world: World) -> list[int]:
    return [partition.log_end_offset for partition in world.topics[0].partitions]


async def test_going_back_finds_records_groups_and_brokers_of_then(lab: Cluster, clock: ManualClock) -> None:
    await clock.advance(2_500)
    kept = await lab.moments.keep("all is well")
    then = lab.snapshot()
    await lab.workload.crash("billing-1")
    await lab.nodes.crash(2)
    await clock.advance(20_000)
    assert _ends(lab.snapshot()) > _ends(then)

    await clock.complete(lab.rewind(kept.number))

    now = lab.snapshot()
    assert now.paused
    assert _ends(now) == _ends(then)
    assert all(partition.high_watermark == partition.log_end_offset for partition in now.topics[0].partitions)
    assert [broker.alive for broker in now.brokers] == [True, True, True]
    assert [(each.name, each.state) for each in now.consumers] == [(each.name, each.state) for each in then.consumers]
    assert "put back" in lab.events.last(1)[0].sentence()
    assert not any("crashed" in event.sentence() for event in lab.events.last(500))


async def test_a_world_put_back_goes_on(lab: Cluster, clock: ManualClock) -> None:
    kept = await lab.moments.keep("all is well")
    generation = lab.snapshot().groups[0].generation
    await clock.advance(5_000)
    await clock.complete(lab.rewind(kept.number))
    before = _ends(lab.snapshot())
    clock.resume()
    await clock.advance(15_000)
    world = lab.snapshot()
    assert all(now > then for now, then in zip(_ends(world), before, strict=True))
    assert (world.groups[0].state, world.groups[0].generation) == (GroupState.STABLE, generation)
    assert world.groups[0].lag < 200


async def test_the_present_is_kept_so_that_one_can_come_back(lab: Cluster, clock: ManualClock) -> None:
    kept = await lab.moments.keep("before")
    await clock.advance(5_000)
    clock.pause()
    present = _ends(lab.snapshot())
    await clock.complete(lab.rewind(kept.number))
    back = lab.snapshot().moments[-1]
    assert back.label == "before going back from here"
    await clock.complete(lab.rewind(back.number))
    assert _ends(lab.snapshot()) == present


async def test_a_broker_that_was_down_is_down_again_with_its_file(lab: Cluster, clock: ManualClock) -> None:
    await lab.nodes.crash(3)
    await clock.advance(15_000)
    kept = await lab.moments.keep("one is down")
    await lab.nodes.start(3)
    await lab.nodes.crash(3)
    await lab.faults.delete_file(3)
    await clock.complete(lab.rewind(kept.number))
    assert [broker.alive for broker in lab.snapshot().brokers] == [True, True, False]
    clock.resume()
    await clock.complete(lab.nodes.start(3))
    await clock.advance(15_000)
    assert all(partition.isr == partition.replicas for partition in lab.snapshot().topics[0].partitions)


async def test_files_are_of_one_instant_while_everybody_writes(lab: Cluster, clock: ManualClock) -> None:
    tp = TopicPartition("orders", 0)
    writing = [
        asyncio.create_task(lab.browser.produce("orders", None, b"%d" % each, partition=0)) for each in range(50)
    ]
    kept = await clock.complete(lab.moments.keep("in the midst"))
    await clock.complete(asyncio.gather(*writing))
    await clock.complete(lab.rewind(kept.number))
    ends = {
        broker: replica.log.log_end_offset
        for broker in (1, 2, 3)
        if (replica := lab.nodes.replica(broker, tp)) is not None
    }
    leader = lab.nodes.leader(tp)
    assert all(end <= leader.log.log_end_offset for end in ends.values())


async def test_moments_are_found_again_by_the_next_opening(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as lab:
        await lab.create_topic("orders")
        kept = await lab.moments.keep("with one topic")
        await lab.create_topic("more")
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as lab:
        assert lab.snapshot().moments == (kept,)
        assert kept.size_bytes > 0
        await clock.complete(lab.rewind(kept.number))
        assert [topic.name for topic in lab.snapshot().topics if not topic.internal] == ["orders"]


async def test_the_oldest_automatic_ones_make_room(lab: Cluster) -> None:
    asked = await lab.moments.keep("asked for")
    for each in range(MOST_AUTOMATIC + 3):
        await lab.moments.keep_before(f"before {each}")
    labels = [moment.label for moment in lab.moments.kept]
    assert labels == [asked.label, *(f"before {each}" for each in range(3, MOST_AUTOMATIC + 3))]


async def test_automatic_ones_take_so_much_room_and_no_more(lab: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await lab.moments.keep_before("before 0")
    assert first is not None
    monkeypatch.setattr(moments, "MOST_AUTOMATIC_BYTES", int(first.size_bytes * 2.5))
    for each in range(1, 5):
        await lab.moments.keep_before(f"before {each}")
    assert [moment.label for moment in lab.moments.kept] == ["before 3", "before 4"]
    monkeypatch.setattr(moments, "MOST_AUTOMATIC_BYTES", 1)
    await lab.moments.keep_before("before 5")
    assert [moment.label for moment in lab.moments.kept] == ["before 5"]


async def test_one_that_is_forgotten_is_gone(lab: Cluster) -> None:
    kept = await lab.moments.keep("not for long")
    await lab.moments.forget(kept.number)
    assert lab.snapshot().moments == ()
    assert lab.folder is not None
    assert [*(lab.folder / "moments").iterdir()] == []
    with pytest.raises(RefusedError, match=f"no moment {kept.number}"):
        await lab.rewind(kept.number)


async def test_a_return_that_was_broken_off_is_ended_by_the_next_opening(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "lab"
    async with Cluster.open(folder, clock=clock, inline_storage=True, seed=7) as lab:
        await lab.create_topic("orders")
        kept = await lab.moments.keep("with one topic")
        await lab.create_topic("more")
        await lab.moments.stage(kept.number)
    (folder / "returning" / "broker-1.db").replace(folder / "broker-1.db")  # so far it came
    async with Cluster.open(folder, clock=clock, inline_storage=True) as lab:
        assert [topic.name for topic in lab.snapshot().topics if not topic.internal] == ["orders"]
    assert sorted(file.name for file in folder.iterdir() if file.suffix != ".db") == ["moments"]


async def test_what_was_half_copied_is_no_moment(lab: Cluster, clock: ManualClock) -> None:
    assert lab.folder is not None
    kept = await lab.moments.keep("whole")
    half = lab.folder / "moments" / f"{kept.number + 1:04}"
    half.mkdir()
    (half / "cluster.db").write_bytes(b"half")
    await lab.moments.keep("next")
    assert [moment.label for moment in lab.moments.kept] == ["whole", "next"]
    assert json.loads((half / "moment.json").read_text())["label"] == "next"


async def test_without_room_nothing_is_kept_and_the_lab_goes_on(lab: Cluster, clock: ManualClock) -> None:
    assert lab.folder is not None
    (lab.folder / "moments").write_text("in the way")
    with pytest.raises(LabNotWritableError, match="could not be written"):
        await lab.moments.keep("nowhere")
    before = _ends(lab.snapshot())
    await clock.advance(5_000)
    assert _ends(lab.snapshot()) > before


async def test_a_lab_in_memory_says_that_it_keeps_none(cluster: Cluster) -> None:
    with pytest.raises(RefusedError, match="in memory"):
        await cluster.moments.keep("never")
    assert await cluster.moments.keep_before("never") is None


async def test_a_lab_that_is_open_is_not_put_back_by_a_second_program(tmp_path: Path, clock: ManualClock) -> None:
    folder = tmp_path / "lab"
    async with Cluster.open(folder, clock=clock, inline_storage=True, seed=7) as lab:
        kept = await lab.moments.keep("empty")
        await lab.create_topic("orders")
        await lab.moments.stage(kept.number)
        with pytest.raises(LabLockedError):
            await Cluster.open(folder, clock=ManualClock(0), inline_storage=True).start()
        assert [topic.name for topic in lab.snapshot().topics if not topic.internal] == ["orders"]


async def test_a_world_that_cannot_be_opened_is_there_at_the_next_try(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lab"

    async def fail(store: object) -> None:
        raise KafkaStorageError("The disk is full.")

    async with Cluster.open(folder, clock=clock, inline_storage=True, seed=7) as lab:
        await lab.create_topic("orders")
        kept = await lab.moments.keep("with one topic")
        await lab.create_topic("more")
        seen = lab.snapshot()
        with monkeypatch.context() as broken:
            broken.setattr(lab, "_start", fail)
            with pytest.raises(LabNotWritableError, match=r"The disk is full. Quit, mend that, and open the lab again"):
                await clock.complete(lab.rewind(kept.number))
        assert lab.snapshot().topics == seen.topics
    assert not (folder / "open.pid").exists()
    async with Cluster.open(folder, clock=clock, inline_storage=True) as lab:
        assert [topic.name for topic in lab.snapshot().topics if not topic.internal] == ["orders"]


async def test_what_the_world_that_is_left_can_no_longer_write_holds_nobody_up(
    lab: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await lab.moments.keep("all is well")
    put_settings = lab.nodes._store.put_settings
    stopping = False

    async def full(values: object) -> None:
        if stopping:
            raise KafkaStorageError("The disk is full.")
        await put_settings(values)  # type: ignore[arg-type]

    async def stage(number: int) -> None:
        nonlocal stopping
        await staging(number)
        stopping = True

    staging = lab.moments.stage
    monkeypatch.setattr(lab.nodes._store, "put_settings", full)
    monkeypatch.setattr(lab.moments, "stage", stage)
    await clock.complete(lab.rewind(kept.number))
    assert lab.snapshot().paused
    assert "put back" in lab.events.last(1)[0].sentence()
