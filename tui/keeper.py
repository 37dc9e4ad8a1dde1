"""Holds the lab open while the app runs: opened and closed in one task; what fails there is told to the app."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from engine.errors import KafkaError, LabError
from engine.events import Event, EventLog
from tui.scene import Look, Scene
from tui.verbs import Lab, OpenLab

EVENTS_SHOWN = 500


class LabFailed(Message):
    """The lab could not be opened, or failed while it was open."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Keeper:
    """`opened` is called once the lab is open, `tell` is given what failed while the app still listens."""

    def __init__(self, open_lab: OpenLab, opened: Callable[[], None], tell: Callable[[LabFailed], object]) -> None:
        self._open_lab = open_lab
        self._opened = opened
        self._tell = tell
        self._lab: Lab | None = None
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._events: tuple[tuple[EventLog | None, int], tuple[Event, ...]] = ((None, 0), ())
        self.failure: LabError | KafkaError | None = None
        """What failed when nobody listened any more."""

    @property
    def lab(self) -> Lab:
        """The open lab; RuntimeError before it is open."""
        if self._lab is None:
            raise RuntimeError("the lab is not open yet")
        return self._lab

    def begin(self) -> None:
        """Open it."""
        self._task = asyncio.create_task(self._keep())

    async def leave(self) -> None:
        """Close it."""
        self._leaving.set()
        if self._task is not None:
            await self._task

    async def _keep(self) -> None:
        try:
            async with self._open_lab() as lab:
                self._lab = lab
                self._opened()
                await self._leaving.wait()
                self._lab = None
        except Exception as error:
            self._lab = None
            if not self._leaving.is_set():
                self._tell(LabFailed(error))
            elif isinstance(error, (LabError, KafkaError)):  # messages are read no more
                self.failure = error
            else:
                raise

    def scene(self, look: Look) -> Scene | None:
        """The world as it is now; None while no lab is open."""
        lab = self._lab
        if lab is None:
            return None
        told = lab.events, lab.events.count
        if told != self._events[0]:
            self._events = (told, lab.events.last(EVENTS_SHOWN))
        return Scene(lab.snapshot(), self._events[1], look)
