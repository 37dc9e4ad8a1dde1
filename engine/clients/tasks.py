"""The tasks a client has under way, and calls put off to the loop's next turn; a crash ends them all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Tasks:
    """Keeps hold of tasks while they run; what one fails with is told to `on_failure`, never lost."""

    def __init__(self, on_failure: Callable[[BaseException], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` beside everything else."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self) -> None:
        """End all of them, without waiting."""
        for task in tuple(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """End all of them and wait until they have ended."""
        self.cancel()
        current = asyncio.current_task()
        await asyncio.gather(*(task for task in self._tasks if task is not current), return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(error)


class Soon:
    """Runs a function once in the loop's next turn, however often it is asked to before that."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._handle: asyncio.Handle | None = None

    def __call__(self) -> None:
        """Ask it to run."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self._run)

    def cancel(self) -> None:
        """Do not run after all."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._function()
