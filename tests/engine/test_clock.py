import asyncio
from math import inf, nan

import pytest

from engine.clock import FASTEST, MAX_LATE_MS, SLOWEST, LabClock, ManualClock
from engine.errors import RefusedError


class FakeLoopTime:
    """Stands in for the event loop's own time, so that `LabClock` can be turned without waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        self.alarms: list[tuple[float, asyncio.TimerHandle]] = []
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: self.now_s)
        monkeypatch.setattr(loop, "call_later", self._call_later)
        self._loop = loop

    def _call_later(self, delay_s: float, callback: object, *args: object) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.now_s + delay_s, callback, args, self._loop)  # type: ignore[arg-type]
        self.alarms.append((self.now_s + delay_s, handle))
        return handle

    def armed(self) -> list[float]:
        return [when for when, handle in self.alarms if not handle.cancelled()]

    async def turn(self, seconds: float) -> None:
        """Let real time pass with the loop free to run what is due."""
        target = self.now_s + seconds + 1e-9
        while due := [pair for pair in self.alarms if pair[0] <= target and not pair[1].cancelled()]:
            when, handle = min(due, key=lambda pair: pair[0])
            self.alarms.remove((when, handle))
            self.now_s = max(self.now_s, when)
            handle._run()
            await asyncio.sleep(0)
        self.now_s = target

    def hold_up(self, seconds: float) -> None:
        """Let real time pass while the loop cannot run anything."""
        self.now_s += seconds


@pytest.fixture
async def real(monkeypatch: pytest.MonkeyPatch) -> FakeLoopTime:
    return FakeLoopTime(monkeypatch)


async def test_timers_fire_in_the_order_of_their_deadlines_and_equal_ones_in_the_order_asked_for() -> None:
    clock, fired = ManualClock(0), list[str]()
    clock.call_later(20, fired.append, "late")
    clock.call_later(10, fired.append, "first")
    clock.call_later(10, fired.append, "second")
    await clock.advance(15)
    assert fired == ["first", "second"]
    await clock.advance(5)
    assert fired == ["first", "second", "late"]


async def test_a_cancelled_timer_does_not_fire() -> None:
    clock, fired = ManualClock(0), list[str]()
    timer = clock.call_later(10, fired.append, "x")
    timer.cancel()
    await clock.advance(20)
    assert not fired
    assert timer.cancelled


async def test_cancelled_timers_do_not_pile_up_until_their_deadlines() -> None:
    clock = ManualClock(0)
    keep = clock.call_later(500, lambda: None)
    for _ in range(10_000):
        clock.call_later(30_000, lambda: None).cancel()
    assert len(clock._timers) <= 1_025
    assert not keep.cancelled


async def test_timers_that_are_needed_outlive_the_clearing_of_cancelled_ones() -> None:
    clock, fired = ManualClock(0), list[int]()
    for n in range(3_000):
        timer = clock.call_later(10 + n % 7, fired.append, n)
        if n % 2:
            timer.cancel()
    await clock.advance(20)
    assert sorted(fired) == list(range(0, 3_000, 2))


async def test_each_sleeper_wakes_at_its_own_time_when_the_clock_is_turned_far() -> None:
    clock, woke = ManualClock(100), list[tuple[str, float]]()

    async def sleeper(name: str, ms: float) -> None:
        for _ in range(2):
            await clock.sleep(ms)
            woke.append((name, clock.now_ms()))

    tasks = [asyncio.create_task(sleeper("a", 30)), asyncio.create_task(sleeper("b", 20))]
    await clock.advance(1_000)
    assert woke == [("b", 120), ("a", 130), ("b", 140), ("a", 160)]
    assert clock.now_ms() == 1_100
    await asyncio.gather(*tasks)


async def test_wait_for_gives_the_result_when_it_comes_in_time() -> None:
    clock = ManualClock(0)

    async def answer() -> int:
        await clock.sleep(5)
        return 42

    task = asyncio.create_task(clock.wait_for(answer(), 10))
    await clock.advance(5)
    assert task.result() == 42
    assert clock._next_deadline() is None


async def test_wait_for_gives_up_after_its_time_and_cancels_what_it_waited_for() -> None:
    clock = ManualClock(0)
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(clock.wait_for(forever, 10))
    await clock.advance(9)
    assert not task.done()
    await clock.advance(1)
    with pytest.raises(TimeoutError):
        task.result()
    assert forever.cancelled()


async def test_wait_for_passes_on_the_error_of_what_it_waits_for() -> None:
    clock = ManualClock(0)

    async def fail() -> None:
        await clock.sleep(1)
        raise ValueError("broken")

    task = asyncio.create_task(clock.wait_for(fail(), 10))
    await clock.advance(1)
    with pytest.raises(ValueError, match="broken"):
        task.result()


async def test_cancelling_the_waiter_cancels_what_it_waits_for_and_is_no_timeout() -> None:
    clock = ManualClock(0)
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(clock.wait_for(forever, 10))
    await clock.settle()
    task.cancel()
    await clock.settle()
    assert task.cancelled()
    assert forever.cancelled()


async def test_a_clock_turned_by_hand_waits_for_work_in_a_thread() -> None:
    clock, done = ManualClock(0), list[int]()
    go = asyncio.Event()

    async def work() -> None:
        with clock.working():
            await asyncio.to_thread(lambda: None)
            done.append(1)
        go.set()

    task = asyncio.create_task(work())
    await clock.settle()
    assert done == [1]
    assert go.is_set()
    await task


async def test_until_turns_no_further_than_needed() -> None:
    clock, seen = ManualClock(0), list[int]()
    clock.call_later(10, seen.append, 1)
    clock.call_later(20, seen.append, 2)
    await clock.until(lambda: seen == [1])
    assert clock.now_ms() == 10
    with pytest.raises(AssertionError, match="not so within"):
        await clock.until(lambda: False, within_ms=5)


async def test_a_paused_clock_fires_nothing_and_holds_up_those_who_ask() -> None:
    clock, fired = ManualClock(0), list[str]()
    clock.call_later(10, fired.append, "x")
    clock.pause()
    waiting = asyncio.create_task(clock.running())
    await clock.advance(50)
    assert clock.paused
    assert not fired
    assert not waiting.done()
    assert clock.now_ms() == 0
    clock.resume()
    await clock.advance(10)
    assert fired == ["x"]
    assert waiting.done()


async def test_lab_time_follows_real_time_at_its_speed(real: FakeLoopTime) -> None:
    clock, fired = LabClock(5_000, speed=10), list[float]()
    clock.call_later(1_000, lambda: fired.append(clock.now_ms()))
    await real.turn(0.05)
    assert clock.now_ms() == pytest.approx(5_500)
    assert not fired
    await real.turn(0.05)
    assert fired == [pytest.approx(6_000)]


async def test_a_change_of_speed_leaves_what_has_passed_as_it_was(real: FakeLoopTime) -> None:
    clock, fired = LabClock(0), list[float]()
    clock.call_later(1_000, lambda: fired.append(clock.now_ms()))
    await real.turn(0.5)
    clock.set_speed(0.5)
    assert clock.now_ms() == pytest.approx(500)
    await real.turn(0.9)
    assert not fired
    await real.turn(0.1)
    assert fired == [pytest.approx(1_000)]
    clock.set_speed(1e9)
    assert clock.speed == FASTEST
    clock.set_speed(1e-9)
    assert clock.speed == SLOWEST


@pytest.mark.parametrize("speed", [nan, inf, -inf, -1.0, 0.0])
async def test_what_is_no_speed_is_refused_and_time_goes_on_as_before(real: FakeLoopTime, speed: float) -> None:
    clock = LabClock(0, 2.0)
    with pytest.raises(RefusedError, match="above 0"):
        clock.set_speed(speed)
    await real.turn(1)
    assert clock.now_ms() == pytest.approx(2_000)


async def test_a_paused_lab_does_not_age_and_goes_on_from_where_it_stood(real: FakeLoopTime) -> None:
    clock, fired = LabClock(0), list[float]()
    clock.call_later(1_000, lambda: fired.append(clock.now_ms()))
    await real.turn(0.4)
    clock.pause()
    assert real.armed() == []
    await real.turn(60)
    assert clock.now_ms() == pytest.approx(400)
    assert not fired
    clock.resume()
    await real.turn(0.6)
    assert fired == [pytest.approx(1_000)]


async def test_only_one_alarm_is_armed_for_any_number_of_timers(real: FakeLoopTime) -> None:
    clock = LabClock(0)
    for delay in (500, 400, 900, 400, 400):
        clock.call_later(delay, lambda: None)
    assert real.armed() == [pytest.approx(1_000.4)]
    assert len(real.alarms) == 2


async def test_a_program_held_up_does_not_live_through_the_time_it_missed(real: FakeLoopTime) -> None:
    clock, happened = LabClock(0), list[tuple[str, float]]()

    def heartbeat() -> None:
        happened.append(("heartbeat", clock.now_ms()))
        session.cancel()

    clock.call_later(3_000, heartbeat)
    session = clock.call_later(10_000, happened.append, ("session ran out", 0))
    real.hold_up(60)
    assert clock.now_ms() == 3_000 + MAX_LATE_MS
    await real.turn(10)
    assert happened == [("heartbeat", 3_000 + MAX_LATE_MS)]
    assert clock.now_ms() == pytest.approx(3_000 + MAX_LATE_MS + 10_000)


async def test_lab_time_never_goes_back(real: FakeLoopTime) -> None:
    clock, seen = LabClock(0), list[float]()
    timers = [clock.call_later(delay, lambda: seen.append(clock.now_ms())) for delay in range(0, 3_000, 100)]
    for step in range(30):
        real.hold_up(0.03 * step)
        seen.append(clock.now_ms())
        timers[step].cancel()
        seen.append(clock.now_ms())
        await real.turn(0.02)
        seen.append(clock.now_ms())
    assert seen == sorted(seen)


async def test_a_callback_that_fails_does_not_stop_the_clock(real: FakeLoopTime) -> None:
    clock, fired = LabClock(0), list[str]()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: fired.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("broken")

    clock.call_later(10, fail)
    clock.call_later(20, fired.append, "after")
    await real.turn(1)
    assert fired == ["broken", "after"]
    asyncio.get_running_loop().set_exception_handler(None)
