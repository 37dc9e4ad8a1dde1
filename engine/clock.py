"""Time in the lab. Everything that waits goes through one `Clock`, which can run at another speed and stand still.

Lab time is in milliseconds since the epoch. It begins where the lab was made or last closed, so a lab that was shut
for a week has not aged. `LabClock` follows the event loop's time; `ManualClock` is turned by hand, in tests.

Lab time never runs away from its timers: where the program was held up (a stopped process, a machine asleep, more
speed than it can keep), the excess is not lived through, so nobody's session runs out while nobody could speak.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any, TypeVar

from engine.errors import RefusedError

T = TypeVar("T")

SLOWEST, FASTEST = 0.01, 100.0
STEP_MS = 100.0
"""Lab time that passes when a world that stands still is let go on by a step."""
MAX_LATE_MS = 200.0
"""How far (lab ms) lab time may pass a timer that has not fired yet."""


class Timer:
    """A callback that will run at `deadline` (lab ms) unless cancelled."""

    __slots__ = ("args", "callback", "deadline")

    def __init__(self, deadline: float, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.deadline = deadline
        self.callback: Callable[..., object] | None = callback
        self.args = args

    def cancel(self) -> None:
        """Do not run; harmless when it ran already."""
        self.callback = None
        self.args = ()

    @property
    def cancelled(self) -> bool:
        """Whether it will not run, because it was cancelled or has run."""
        return self.callback is None


class Clock:
    """The timers of a lab in order of their deadlines; a subclass says when time passes."""

    def __init__(self, start_ms: float) -> None:
        self._lab_ms = float(start_ms)
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._sweep_at = 1024
        self._running = asyncio.Event()
        self._running.set()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._end_of_run: Timer | None = None
        self.speed = 1.0

    def now_ms(self) -> float:
        """Lab time, in ms since the epoch, with fractions."""
        return self._lab_ms

    def now(self) -> int:
        """Lab time as Kafka writes it into records: whole ms since the epoch."""
        return int(self.now_ms())

    @property
    def paused(self) -> bool:
        """Whether the world stands still."""
        return not self._running.is_set()

    async def running(self) -> None:
        """Return at once while time passes, else when it passes again. Whoever works without waiting calls this."""
        await self._running.wait()

    def call_later(self, delay_ms: float, callback: Callable[..., object], *args: Any) -> Timer:
        """Run `callback(*args)` in `delay_ms` of lab time; equal deadlines run in the order they were asked for."""
        timer = Timer(self.now_ms() + max(0.0, delay_ms), callback, args)
        if len(self._timers) >= self._sweep_at:
            self._sweep()
        heapq.heappush(self._timers, (timer.deadline, next(self._order), timer))
        self._rearm()
        return timer

    async def sleep(self, delay_ms: float) -> None:
        """Wait for `delay_ms` of lab time; 0 or less gives others a turn."""
        if delay_ms <= 0:
            await asyncio.sleep(0)
            return
        done = asyncio.get_running_loop().create_future()
        timer = self.call_later(delay_ms, _resolve, done)
        try:
            await done
        finally:
            timer.cancel()

    async def wait_for(self, awaitable: Awaitable[T], timeout_ms: float) -> T:
        """The result of `awaitable`; TimeoutError, and the awaitable cancelled, after `timeout_ms` of lab time."""
        task = asyncio.ensure_future(awaitable)
        timed_out = False

        def give_up() -> None:
            nonlocal timed_out
            timed_out = True
            task.cancel()

        timer = self.call_later(timeout_ms, give_up)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if timed_out and not (caller and caller.cancelling()):
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work that goes on outside the event loop, in a thread: a clock turned by hand waits for its end."""
        self._busy += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    def pause(self) -> None:
        """Stand still: no timer fires and `running` waits until `resume`."""
        self._forget_run()
        self._settle_time()
        self._running.clear()
        self._rearm()

    def resume(self) -> None:
        """Let time pass again, from where it stood."""
        self._forget_run()
        self._settle_time()
        self._running.set()
        self._rearm()

    def run_for(self, ms: float) -> Timer:
        """Let `ms` of lab time pass and stand still again, unless `pause` or `resume` says otherwise meanwhile, which
        cancels the timer returned."""
        self.resume()
        self._end_of_run = self.call_later(ms, self.pause)
        return self._end_of_run

    def _forget_run(self) -> None:
        if self._end_of_run is not None:
            self._end_of_run.cancel()
            self._end_of_run = None

    def set_speed(self, speed: float) -> None:
        """Lab ms per real ms, held between SLOWEST and FASTEST; RefusedError for what is no speed at all."""
        if not 0 < speed < inf:
            raise RefusedError(f"The speed is a number above 0, and cannot be {speed}; to stand still, pause.")
        self._settle_time()
        self.speed = min(max(speed, SLOWEST), FASTEST)
        self._rearm()

    def close(self) -> None:
        """Forget every timer."""
        self._timers.clear()
        self._rearm()

    def _settle_time(self) -> None:
        """Bring `_lab_ms` up to now, before the rate at which it passes changes."""

    def _rearm(self) -> None:
        """See to it that the earliest timer fires."""

    def _sweep(self) -> None:
        """Drop cancelled timers, which otherwise stay until their deadline: most timeouts are long and never needed."""
        self._timers = [entry for entry in self._timers if not entry[2].cancelled]
        heapq.heapify(self._timers)
        self._sweep_at = max(1024, 2 * len(self._timers))

    def _next_deadline(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _fire_next(self) -> None:
        _, _, timer = heapq.heappop(self._timers)
        callback, args = timer.callback, timer.args
        timer.cancel()
        if callback is not None:
            callback(*args)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class LabClock(Clock):
    """Follows the running event loop's time, `speed` lab ms to each real ms."""

    def __init__(self, start_ms: float, speed: float = 1.0) -> None:
        super().__init__(start_ms)
        self._loop = asyncio.get_running_loop()
        self._real_s = self._loop.time()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at: float | None = None
        self.set_speed(speed)

    def now_ms(self) -> float:
        """Lab time, in ms since the epoch, with fractions."""
        if self.paused:
            return self._lab_ms
        now = self._lab_ms + (self._loop.time() - self._real_s) * 1000.0 * self.speed
        deadline = self._next_deadline()
        return now if deadline is None else min(now, deadline + MAX_LATE_MS)

    def _settle_time(self) -> None:
        self._lab_ms = self.now_ms()
        self._real_s = self._loop.time()
        self._alarm_at = None

    def _rearm(self) -> None:
        deadline = None if self.paused else self._next_deadline()
        if self._alarm is not None:
            if deadline is not None and deadline == self._alarm_at:
                return
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = deadline
        if deadline is not None:
            delay_s = max(0.0, deadline - self.now_ms()) / 1000.0 / self.speed
            self._alarm = self._loop.call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._settle_time()
        now = self._lab_ms + 1e-6
        try:
            while (deadline := self._next_deadline()) is not None and deadline <= now and not self.paused:
                self._fire_next()
        finally:
            self._rearm()


class ManualClock(Clock):
    """Stands still until a test turns it with `advance`, which lets everything that follows happen in order."""

    async def advance(self, ms: float) -> None:
        """Turn by `ms`, firing each timer at its own time and letting its consequences settle before the next."""
        target = self._lab_ms + ms
        await self.settle()
        while not self.paused and (deadline := self._next_deadline()) is not None and deadline <= target:
            self._lab_ms = max(self._lab_ms, deadline)
            self._fire_next()
            await self.settle()
        if not self.paused:
            self._lab_ms = target

    async def settle(self) -> None:
        """Let every ready task and callback run, and every thread at work finish, without time passing."""
        ready: Any = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        while True:
            await asyncio.sleep(0)
            if self._busy:
                await self._idle.wait()
            elif not ready:
                return

    async def until(self, condition: Callable[[], bool], within_ms: float = 60_000) -> None:
        """Turn from timer to timer until `condition()` holds; AssertionError after `within_ms`."""
        limit = self._lab_ms + within_ms
        await self.settle()
        while not condition():
            deadline = self._next_deadline()
            if deadline is None or deadline > limit or self.paused:
                raise AssertionError(f"not so within {within_ms} ms of lab time: {condition}")
            self._lab_ms = max(self._lab_ms, deadline)
            self._fire_next()
            await self.settle()

    async def complete(self, awaitable: Awaitable[T], within_ms: float = 60_000) -> T:
        """The result of `awaitable`, turning from timer to timer until it is there."""
        task = asyncio.ensure_future(awaitable)
        try:
            await self.until(task.done, within_ms)
        except BaseException:
            task.cancel()
            raise
        return task.result()
