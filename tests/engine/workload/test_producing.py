import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.errors import KafkaTimeoutError, NetworkError, RefusedError
from engine.metrics import Meter
from engine.snapshot import ClientState
from engine.types import TopicPartition
from engine.workload.driven import Driven
from engine.workload.producing import RECORDS_A_TURN, DrivenProducer
from engine.workload.spec import KeyRule, ProducerSpec
from tests.engine.workload.fakes import Board, FakeProducer

P0 = TopicPartition("orders", 0)


class Bench:
    """One driven producer on a clock turned by hand."""

    def __init__(self, spec: ProducerSpec, sequence: int = 0) -> None:
        self.clock = ManualClock(1_000_000)
        self.board = Board(self.clock)
        self.total = Meter()
        self.bounds: list[int] = []
        self.ended: list[BaseException] = []
        self.driven = DrivenProducer(
            spec, "web-1", self.clock, self.total, self._make, self._reserve, lambda: RECORDS_A_TURN, self._end
        )
        self.driven.sequence = self.driven.reserved = sequence

    def _make(self, driven: DrivenProducer) -> Any:
        return FakeProducer(self.board, on_batch=driven.told)

    async def _reserve(self, driven: DrivenProducer) -> None:
        self.bounds.append(driven.kept()["reserved"])

    def _end(self, driven: Driven, error: BaseException) -> None:
        self.ended.append(error)

    def sent_at(self) -> list[int]:
        return [record.timestamp - 1_000_000 for record in self.board.logs.get(P0, ())]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    it = Bench(ProducerSpec("orders", rate=10, seed=1))
    yield it
    if it.driven.alive:
        it.driven.crash()
    await it.clock.settle()


def another(spec: ProducerSpec, sequence: int = 0) -> Bench:
    return Bench(spec, sequence)


async def test_at_a_low_rate_records_come_evenly_with_mild_jitter(bench: Bench) -> None:
    await bench.driven.start()
    await bench.clock.advance(20_000)
    times = bench.sent_at()
    assert len(times) == pytest.approx(200, abs=2)
    gaps = [b - a for a, b in pairwise(times)]
    assert 40 <= min(gaps) < 90
    assert 110 < max(gaps) <= 160
    assert bench.driven.acked == bench.total.total == len(times)


async def test_at_a_high_rate_records_come_in_small_bursts(bench: Bench) -> None:
    bench.driven.set_rate(5_000)
    await bench.driven.start()
    await bench.clock.advance(2_000)
    times = bench.sent_at()
    assert len(times) == pytest.approx(10_000, rel=0.02)
    assert max(times.count(at) for at in set(times)) <= 110


@pytest.mark.parametrize("rate", [0.5, 3, 150, 20_000])
async def test_in_the_long_run_the_rate_is_the_one_asked_for(rate: float) -> None:
    bench = another(ProducerSpec("orders", rate=rate, seed=4))
    await bench.driven.start()
    seconds = 60 if rate < 1_000 else 2
    await bench.clock.advance(seconds * 1_000)
    assert bench.driven.sent == pytest.approx(rate * seconds, abs=max(1, rate * 0.03))
    bench.driven.crash()
    await bench.clock.settle()


async def test_a_change_of_rate_takes_hold_at_once_however_slow_it_was(bench: Bench) -> None:
    bench.driven.set_rate(0.001)
    await bench.driven.start()
    await bench.clock.advance(3_000)
    before = bench.driven.sent
    bench.driven.set_rate(100)
    await bench.clock.advance(1_000)
    assert bench.driven.sent - before == pytest.approx(100, abs=3)
    bench.driven.set_rate(0)
    before = bench.driven.sent
    await bench.clock.advance(5_000)
    assert bench.driven.sent == before


async def test_a_paused_producer_sends_nothing_and_makes_up_for_nothing_later(bench: Bench) -> None:
    await bench.driven.start()
    await bench.clock.advance(1_000)
    bench.driven.pause(True)
    before = bench.driven.sent
    await bench.clock.advance(10_000)
    assert bench.driven.sent == before
    bench.driven.pause(False)
    await bench.clock.advance(1_000)
    assert bench.driven.sent - before == pytest.approx(10, abs=1)


async def test_a_paused_world_sends_nothing(bench: Bench) -> None:
    await bench.driven.start()
    bench.driven.set_rate(200_000)
    await bench.clock.advance(25)
    before = bench.driven.sent
    bench.clock.pause()
    bench.driven.pause(True)
    bench.driven.pause(False)
    await bench.clock.settle()
    assert bench.driven.sent == before


async def test_every_record_bears_its_producer_and_a_number_of_its_own(bench: Bench) -> None:
    await bench.driven.start()
    await bench.clock.advance(5_000)
    log = bench.board.logs[P0]
    assert {dict(record.headers)["producer"] for record in log} == {b"web-1"}
    assert bench.board.sequences("orders") == list(range(len(log)))


async def test_the_same_seed_gives_the_same_records_at_the_same_times() -> None:
    runs = []
    for seed in (7, 7, 8):
        bench = another(ProducerSpec("orders", keys=KeyRule("zipf", 20), rate=40, seed=seed))
        await bench.driven.start()
        await bench.clock.advance(3_000)
        runs.append([(r.timestamp, r.key, r.value) for r in bench.board.logs[P0]])
        bench.driven.crash()
        await bench.clock.settle()
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


async def test_a_record_and_its_key_speak_of_the_same_customer() -> None:
    bench = another(ProducerSpec("orders", keys=KeyRule("uniform", 5), rate=40, seed=1))
    await bench.driven.start()
    await bench.clock.advance(1_000)
    for record in bench.board.logs[P0]:
        assert record.key is not None
        assert json.loads(record.value or b"")["customer_id"] == record.key.decode()
    bench.driven.crash()
    await bench.clock.settle()


async def test_sequences_are_reserved_before_they_are_used_and_go_on_from_where_they_were_kept() -> None:
    bench = another(ProducerSpec("orders", rate=1_000, seed=1), sequence=5_000)
    await bench.driven.start()
    await bench.clock.advance(30_000)
    assert bench.board.sequences("orders")[0] == 5_000
    assert bench.driven.sequence <= bench.bounds[-1]
    assert bench.bounds == sorted(bench.bounds)
    assert len(bench.bounds) <= 10
    bench.driven.crash()
    await bench.clock.settle()


async def test_a_refused_record_is_counted_its_error_kept_and_work_goes_on(bench: Bench) -> None:
    bench.board.refusal = NetworkError("Broker 2 cannot be reached.")
    await bench.driven.start()
    await bench.clock.advance(2_000)
    view = bench.driven.view()
    assert view.failed == pytest.approx(20, abs=2)
    assert view.acked == 0
    assert view.last_error == "Broker 2 cannot be reached."
    bench.board.refusal = None
    await bench.clock.advance(2_000)
    assert bench.driven.acked == pytest.approx(20, abs=2)


async def test_when_records_cannot_be_taken_at_all_it_tries_on_without_using_up_numbers(bench: Bench) -> None:
    bench.driven.set_rate(10_000)
    bench.board.no_buffer = KafkaTimeoutError("Topic 'orders' was not to be found within 60000 ms.")
    await bench.driven.start()
    await bench.clock.advance(1_000)
    assert bench.driven.last_error.startswith("Topic 'orders' was not to be found")
    assert bench.driven.failed <= 11
    bench.board.no_buffer = None
    await bench.clock.advance(1_000)
    assert bench.board.sequences("orders")[:3] == [0, 1, 2]


async def test_with_a_full_buffer_it_waits_and_lets_go_of_what_it_could_not_send(bench: Bench) -> None:
    bench.board.capacity = 50
    bench.driven.set_rate(200_000)
    await bench.driven.start()
    await bench.clock.advance(600)
    assert bench.driven.buffered <= 50
    bench.driven.set_rate(10)
    before = bench.driven.sent
    await bench.clock.advance(2_000)
    assert bench.driven.sent - before < 400, "no arrears to be made up for"


async def test_no_turn_is_longer_than_its_share(bench: Bench) -> None:
    bench.driven.set_rate(200_000)
    await bench.driven.start()
    await bench.clock.advance(100)
    times = bench.sent_at()
    assert max(times.count(at) for at in set(times)) <= RECORDS_A_TURN


async def test_a_clean_stop_sends_what_is_in_the_buffer_a_crash_loses_it(bench: Bench) -> None:
    bench.board.ack_ms = 500
    await bench.driven.start()
    await bench.clock.advance(3_000)
    assert bench.driven.buffered == pytest.approx(5, abs=1)
    stopping = asyncio.create_task(bench.driven.stop())
    await bench.clock.advance(1_000)
    await stopping
    assert bench.driven.state.value == "stopped"
    assert bench.driven.sent == bench.driven.acked == len(bench.board.logs[P0])

    await bench.driven.start()
    await bench.clock.advance(2_000)
    lost = bench.driven.crash()
    await bench.clock.settle()
    assert lost == pytest.approx(5, abs=1)
    assert bench.driven.state.value == "crashed"
    assert bench.driven.sent == bench.driven.acked + bench.driven.failed
    assert bench.driven.failed == lost


async def test_an_error_nobody_foresaw_ends_the_work_and_is_told(bench: Bench) -> None:
    await bench.driven.start()
    bench.board.no_buffer = RuntimeError("a bug")  # type: ignore[assignment]
    await bench.clock.advance(1_000)
    assert [str(error) for error in bench.ended] == ["a bug"]
    assert bench.driven.last_error == "RuntimeError: a bug"


def test_a_key_field_the_template_does_not_have_is_refused() -> None:
    with pytest.raises(RefusedError, match="no field of orders"):
        another(ProducerSpec("orders", keys=KeyRule("field", name="colour")))


async def test_its_view_is_the_same_object_while_nothing_changes(bench: Bench) -> None:
    await bench.driven.start()
    await bench.clock.advance(2_000)
    view = bench.driven.view()
    assert bench.driven.view() is view
    assert view.measured == pytest.approx(10, abs=2)
    assert len(view.history) == 60
    bench.driven.pause(True)
    assert bench.driven.view().state is ClientState.PAUSED
    await bench.clock.advance(100_000)
    still = bench.driven.view()
    await bench.clock.advance(10_000)
    assert bench.driven.view() is still
