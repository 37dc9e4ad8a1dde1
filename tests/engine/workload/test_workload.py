"""The verbs of the workload: what they do, refuse and tell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from engine.errors import KafkaTimeoutError, RefusedError
from engine.events import Tone
from engine.snapshot import ClientState
from engine.types import TopicPartition
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec
from tests.engine.workload.lab import BILLING, P0, P1, Lab


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    it = Lab()
    yield it
    await it.end()


async def test_names_are_the_templates_or_the_groups_with_the_first_free_number(lab: Lab) -> None:
    spawn = lab.workload.spawn_producer
    assert [await spawn(ProducerSpec("orders")) for _ in range(3)] == ["orders-1", "orders-2", "orders-3"]
    assert await lab.workload.spawn_consumer(BILLING) == "billing-1"
    await lab.workload.remove("orders-2")
    assert await spawn(ProducerSpec("orders")) == "orders-2"
    assert await lab.workload.spawn_consumer(ConsumerSpec("orders", ("orders",))) == "orders-4"
    assert await spawn(ProducerSpec("orders", name="web-1")) == "web-1"
    assert [view.name for view in lab.workload.producers()] == ["orders-1", "orders-3", "orders-2", "web-1"]


async def test_a_name_that_is_taken_or_empty_is_refused(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders", name="web"))
    with pytest.raises(RefusedError, match="There is a 'web' already"):
        await lab.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), name="web"))
    with pytest.raises(RefusedError, match="must not be empty"):
        await lab.workload.spawn_producer(ProducerSpec("orders", name=" "))


async def test_a_spec_that_cannot_work_spawns_nothing(lab: Lab) -> None:
    with pytest.raises(RefusedError, match="no field of orders"):
        await lab.workload.spawn_producer(ProducerSpec("orders", keys=KeyRule("field", name="colour")))
    with pytest.raises(RefusedError, match="0 ms or more"):
        await lab.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), processing_ms=float("nan")))
    lab.board.start_error = KafkaTimeoutError("Topic 'nope' was not to be found within 60000 ms.")
    with pytest.raises(KafkaTimeoutError):
        await lab.workload.spawn_producer(ProducerSpec("nope"))
    with pytest.raises(KafkaTimeoutError):
        await lab.workload.spawn_consumer(BILLING)
    assert not lab.workload.producers()
    assert not lab.workload.consumers()
    assert lab.store.kept == {}


async def test_clients_are_made_as_the_spec_says(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders", acks="1", linger_ms=7, compression="zstd"))
    options = lab.board.producers[0].options
    assert options["client_id"] == "orders-1"
    assert (options["acks"], options["linger_ms"], options["compression_type"]) == (1, 7, "zstd")
    await lab.workload.spawn_consumer(ConsumerSpec("billing", ("orders", "chat"), assignor="sticky"))
    client = lab.board.consumers[0]
    assert tuple(client.topics) == ("orders", "chat")
    assert client.options["client_id"] == "billing-1"
    assert client.options["group_id"] == "billing"
    assert client.options["partition_assignment_strategy"] == ["sticky"]
    assert client.options["session_timeout_ms"] == 10_000


async def test_what_is_produced_and_consumed_is_counted(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.workload.spawn_consumer(BILLING)
    await lab.board.consumers[0].assign_to(P0)
    await lab.clock.advance(5_000)
    assert lab.workload.produced.total == pytest.approx(500, abs=5)
    assert lab.workload.produced.rate(lab.clock.now_ms()) == pytest.approx(100, abs=5)
    assert lab.workload.consumed.total == pytest.approx(500, abs=10)


async def test_an_unknown_name_is_refused_naming_those_there_are(lab: Lab) -> None:
    with pytest.raises(RefusedError, match="there are none yet"):
        await lab.workload.stop("x")
    await lab.workload.spawn_producer(ProducerSpec("orders"))
    with pytest.raises(RefusedError, match="called 'x'; there are: orders-1"):
        await lab.workload.crash("x")


async def test_verbs_of_the_other_kind_are_refused(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders"))
    await lab.workload.spawn_consumer(BILLING)
    with pytest.raises(RefusedError, match="billing-1 is a consumer; only producers have a rate"):
        await lab.workload.set_rate("billing-1", 5)
    with pytest.raises(RefusedError, match="orders-1 is a producer; only consumers have a processing time"):
        await lab.workload.set_processing("orders-1", 5)
    with pytest.raises(RefusedError, match="only consumers can hang"):
        await lab.workload.hang("orders-1")
    with pytest.raises(RefusedError, match="only consumers send heartbeats"):
        await lab.workload.stop_heartbeats("orders-1")


async def test_verbs_that_change_nothing_are_refused(lab: Lab) -> None:
    workload = lab.workload
    name = await workload.spawn_consumer(BILLING)
    with pytest.raises(RefusedError, match="running already"):
        await workload.resume(name)
    with pytest.raises(RefusedError, match="does not hang"):
        await workload.unhang(name)
    with pytest.raises(RefusedError, match="sends heartbeats already"):
        await workload.resume_heartbeats(name)
    with pytest.raises(RefusedError, match="stop or crash it first"):
        await workload.restart(name)
    await workload.hang(name)
    with pytest.raises(RefusedError, match="free it first"):
        await workload.pause(name)
    await workload.crash(name)
    with pytest.raises(RefusedError, match="billing-1 is crashed; restart it first"):
        await workload.stop(name)
    with pytest.raises(RefusedError, match="restart it first"):
        await workload.hang(name)


async def test_a_rate_beyond_reason_is_refused_and_leaves_the_old_one(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders", rate=20))
    with pytest.raises(RefusedError, match="choose 0 to 200,000"):
        await lab.workload.set_rate("orders-1", 1e9)
    assert lab.workload.spec("orders-1").rate == 20  # type: ignore[union-attr]


async def test_a_stopped_one_stays_in_the_list_until_it_is_removed_or_restarted(lab: Lab) -> None:
    name = await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.clock.advance(1_000)
    stopping = asyncio.create_task(lab.workload.stop(name))
    await lab.clock.advance(10)
    await stopping
    assert lab.workload.producers()[0].state is ClientState.STOPPED
    assert "nothing is lost" in lab.told
    acked = lab.workload.producers()[0].acked
    await lab.workload.restart(name)
    await lab.clock.advance(1_000)
    view = lab.workload.producers()[0]
    assert view.state is ClientState.RUNNING
    assert view.acked == pytest.approx(acked + 100, abs=3)
    assert sorted(lab.board.sequences("orders")) == list(range(view.acked))
    removing = asyncio.create_task(lab.workload.remove(name))
    await lab.clock.advance(10)
    await removing
    assert lab.workload.producers() == ()
    assert lab.store.kept == {}


async def test_a_consumer_that_is_removed_is_not_kept(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    name = await lab.workload.spawn_consumer(BILLING)
    await lab.board.consumers[0].assign_to(P0)
    await lab.workload.remove(name)
    await lab.clock.settle()
    assert lab.store.kept == {}
    assert not caplog.records


async def test_a_crash_says_when_the_group_will_notice_and_what_that_means(lab: Lab) -> None:
    name = await lab.workload.spawn_consumer(BILLING)
    await lab.board.consumers[0].assign_to(P0, P1)
    await lab.workload.crash(name)
    assert lab.told == (
        "billing-1 crashed: no goodbye was sent. Its group will notice in up to 10.0 s, when its session runs out; "
        "until then nobody reads its 2 partitions. "
        "What it processed since its last automatic commit will be delivered again."
    )
    assert lab.events.last(1)[0].tone is Tone.LOSS
    view = lab.workload.consumers()[0]
    assert (view.state, view.assignment, view.heartbeating) == (ClientState.CRASHED, (), False)


async def test_a_producer_that_crashes_says_what_is_lost(lab: Lab) -> None:
    lab.board.ack_ms = 100
    name = await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.clock.advance(1_000)
    buffered = lab.workload.producers()[0].buffered
    await lab.workload.crash(name)
    assert lab.told == f"orders-1 crashed. {buffered} records in its buffer are lost."
    assert lab.workload.producers()[0].buffered == 0


async def test_a_crash_ends_a_stop_that_takes_too_long(lab: Lab) -> None:
    lab.board.ack_ms = 1e9
    name = await lab.workload.spawn_producer(ProducerSpec("orders", rate=100))
    await lab.clock.advance(1_000)
    stopping = asyncio.create_task(lab.workload.stop(name))
    await lab.clock.advance(60_000)
    assert not stopping.done()
    await lab.workload.crash(name)
    await stopping
    assert lab.workload.producers()[0].state is ClientState.CRASHED
    assert "crashed" in lab.told


async def test_a_poll_that_will_take_too_long_is_foretold(lab: Lab) -> None:
    name = await lab.workload.spawn_consumer(BILLING)
    await lab.workload.set_processing(name, 1_000)
    assert "A full poll of 500 records takes 8.3 min, longer than max.poll.interval.ms allows" in lab.told
    assert "it will drop out of billing" in lab.told
    await lab.workload.set_processing(name, 5)
    assert lab.told == "billing-1 takes 5 ms a record (before: 1000): at most 200 records/s."


@pytest.mark.parametrize(
    ("verbs", "words"),
    [
        (["pause"], "stays in billing and keeps its partitions"),
        (["pause", "resume"], "takes records again"),
        (["hang"], r"after 5 min without a poll \(max.poll.interval.ms\) it leaves"),
        (["hang", "unhang"], "came free"),
        (["stop_heartbeats"], "falls silent.* In up to 10.0 s billing takes it for dead"),
        (["stop_heartbeats", "resume_heartbeats"], "sends heartbeats again"),
        (["stop"], "was stopped"),
        (["stop", "restart"], "joins billing as a new member"),
        (["remove"], "was removed"),
    ],
)
async def test_each_verb_tells_what_happened_and_what_follows(lab: Lab, verbs: list[str], words: str) -> None:
    name = await lab.workload.spawn_consumer(BILLING)
    before = lab.events.count
    for verb in verbs:
        await getattr(lab.workload, verb)(name)
    assert re.search(words, lab.told), lab.told
    assert lab.events.count - before == len(verbs) + (verbs == ["remove"])


async def test_one_that_cannot_go_on_is_ended_and_says_why(lab: Lab) -> None:
    await lab.workload.spawn_consumer(BILLING)
    lab.board.poll_error = RuntimeError("a bug")
    await lab.board.consumers[0].assign_to(P0)
    await lab.clock.advance(2_000)
    view = lab.workload.consumers()[0]
    assert (view.state, view.last_error) == (ClientState.STOPPED, "RuntimeError: a bug")
    assert "billing-1 gave up: RuntimeError: a bug" in lab.told


async def test_the_owner_of_a_partition_and_where_it_stands_are_known(lab: Lab) -> None:
    await lab.workload.spawn_consumer(BILLING)
    await lab.workload.spawn_consumer(BILLING)
    await lab.workload.spawn_consumer(ConsumerSpec("audit", ("orders",)))
    one, two, _ = lab.board.consumers
    lab.board.fill(P0, 50)
    await one.assign_to(P0)
    await two.assign_to(P1)
    await lab.clock.advance(205)
    assert [each.positions for each in lab.workload.consumers()] == [((P0, 20),), ((P1, 0),), ()]
    assert lab.workload.consumer_owning("billing", P0) is cast("Any", one)
    await one.assign_to()
    await two.assign_to(P0, P1)
    assert lab.workload.consumer_owning("billing", P0) is cast("Any", two)
    await lab.workload.crash("billing-2")
    assert lab.workload.consumer_owning("billing", P0) is None


async def test_owners_seek_and_commit_on_behalf_of_their_group(lab: Lab) -> None:
    await lab.workload.spawn_consumer(BILLING)
    await lab.workload.spawn_consumer(BILLING)
    one, two = lab.board.consumers
    await one.assign_to(P0)
    await two.assign_to(P1)
    await lab.workload.seek("billing", {P0: 5, P1: 6})
    assert (one.positions, two.positions) == ({P0: 5}, {P1: 6})
    assert lab.board.committed == {P0: 5, P1: 6}
    with pytest.raises(RefusedError, match="No consumer of the lab owns orders-7 in billing"):
        await lab.workload.seek("billing", {TopicPartition("orders", 7): 1})


async def test_unchanged_views_are_the_same_objects(lab: Lab) -> None:
    await lab.workload.spawn_producer(ProducerSpec("orders", paused=True))
    await lab.workload.spawn_producer(ProducerSpec("orders"))
    await lab.workload.spawn_consumer(BILLING)
    producers, consumers = lab.workload.producers(), lab.workload.consumers()
    await lab.clock.advance(2_000)
    assert lab.workload.producers()[0] is producers[0]
    assert lab.workload.producers()[1] is not producers[1]
    assert lab.workload.consumers() is consumers


async def test_the_same_seed_gives_the_same_run() -> None:
    async def run(seed: int) -> list[tuple[int, bytes | None, bytes | None]]:
        lab = Lab(seed=seed)
        await lab.workload.spawn_producer(ProducerSpec("orders", keys=KeyRule("zipf"), rate=50))
        await lab.workload.spawn_producer(ProducerSpec("orders", rate=50))
        await lab.workload.spawn_consumer(BILLING)
        await lab.board.consumers[0].assign_to(P0)
        await lab.clock.advance(3_000)
        await lab.end()
        return [(record.timestamp, record.key, record.value) for record in lab.board.logs[P0]]

    assert await run(5) == await run(5)
    assert await run(5) != await run(6)


async def test_two_producers_of_one_lab_do_not_send_the_same(lab: Lab) -> None:
    for _ in range(2):
        await lab.workload.spawn_producer(ProducerSpec("orders", rate=50))
    await lab.clock.advance(2_000)
    by_producer: Callable[[bytes], list[Any]] = lambda name: [  # noqa: E731
        record.value for record in lab.board.logs[P0] if dict(record.headers)["producer"] == name
    ]
    assert by_producer(b"orders-1")[:10] != by_producer(b"orders-2")[:10]
