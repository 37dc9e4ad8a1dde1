"""Follows one record on its way, over the mode: a key a step, and a key to crash its leader at any of them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.types import CSSPathType

from tui.dialogs.card import Card
from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.painting.text import clean, clock, cut, speed
from tui.painting.way import paint_way
from tui.panels.guide import Guide, said_of
from tui.verbs import Trace

_HERTZ = 12


class WayOfARecord(Card[None]):
    """Shows where the record of a trace is; leaving it lets the record go."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["card.tcss", "way.tcss"]

    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self._trace = trace
        self._shown: object = None

    def compose(self) -> ComposeResult:
        """The lesson it is part of, the page and its keys."""
        with Vertical(id="dialog"):
            yield Guide()
            yield Page(lambda width, palette: (), id="page")
            with Horizontal(id="keys"):
                yield Press("enter", "step", self._step, id="step")
                yield Press("a", "run on", self._run_on, id="run")
                yield Press("X", "crash leader", self._crash, id="crash")
                yield Press("r", "start", self._start, id="start")
                yield Press(">", "faster", lambda: self.kafkarium.perform("faster"))
                yield Press("esc", "leave", self.leave)

    def on_mount(self) -> None:
        """Say what it is, and follow it."""
        journey = self._trace.journey
        dialog = self.query_one("#dialog", Vertical)
        dialog.border_title = Content(f"A record's way · {cut(clean(str(journey.tp)), 40)} · acks={journey.acks}")
        self.follow()
        self.set_interval(1 / _HERTZ, self.follow)

    def follow(self) -> None:
        """Show where the record is now."""
        scene = self.kafkarium.take_scene()
        if scene is None:
            return
        said = said_of(self.kafkarium.learning, scene)
        self.query_one(Guide).show(replace(said, key="") if said is not None else None)
        journey, world = self._trace.journey, scene.world
        left = {
            broker.broker_id: max(0.0, round(broker.session_expires_ms - world.now_ms, -2))
            for broker in world.brokers
            if broker.session_expires_ms is not None
        }
        book = next((each for each in world.ledger.producers if each.name == journey.producer), None)
        time = "the world stands still" if world.paused else f"time passes · {speed(world.speed)}"
        shown = (journey, left, book, time)
        if shown == self._shown:
            return
        self._shown = shown
        self.query_one("#dialog", Vertical).border_subtitle = Content(
            f"{time} · {clock(world.now_ms - world.began_ms)}"
        )
        down = [copy.broker_id for copy in journey.copies if not copy.alive]
        self.query_one("#start").display = bool(down)
        self.query_one("#crash").display = journey.serving is not None
        self.query_one("#step", Press).relabel("step" if journey.still else "stop here")
        self.query_one("#run").display = journey.still
        self.query_one(Page).show(lambda width, palette: paint_way(journey, left, book, width, palette))

    # Keys --------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        if self._trace.journey.still and not self._trace.journey.coming:
            return
        self.run_worker(self._take_step(), group="step")

    async def _take_step(self) -> None:
        await self._trace.step()
        if self.is_attached:
            self.follow()

    def _run_on(self) -> None:
        self._trace.run_on()
        self.follow()

    def _crash(self) -> None:
        leader = self._trace.journey.serving
        if leader is None:
            self.kafkarium.say("Nobody leads the partition just now, so there is no leader to crash.", "warning")
            return
        self._do(self.kafkarium.lab.faults.crash(leader.broker_id))

    def _start(self) -> None:
        down = next((copy.broker_id for copy in self._trace.journey.copies if not copy.alive), None)
        if down is None:
            self.kafkarium.say("Every broker that holds a copy runs.", "warning")
            return
        self._do(self.kafkarium.lab.faults.start(down))

    def _do(self, verb: object) -> None:
        """Leave it to the app: a verb that has begun is carried through, whoever leaves."""
        self.kafkarium.run_worker(self.kafkarium.attempt(verb), group="verb")

    def leave(self) -> None:
        """Let the record go, and leave."""
        self.run_worker(self._end(), group="verb")

    async def _end(self) -> None:
        await self._trace.end()
        self.dismiss()

    def press(self, key: str) -> bool:
        """Step, crash, let time pass."""
        match key:
            case "enter" | "space" | "right" | "l":
                self._step()
            case "a":
                self._run_on()
            case "X":
                self._crash()
            case "r":
                self._start()
            case ">" | "<":
                self.kafkarium.perform("faster" if key == ">" else "slower")
            case _:
                return False
        return True
