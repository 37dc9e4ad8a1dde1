"""The app: puts modes, actions, themes and the lab together, and does nothing else."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from textual.app import App
from textual.command import CommandPalette
from textual.theme import Theme

from engine.errors import KafkaError, LabError
from themes.loading import DEFAULT_THEME, Loaded, load_all
from themes.variables import DEFAULTS
from tui.actions import TABLE
from tui.actions.table import Action, Context, shown
from tui.keeper import Keeper, LabFailed
from tui.lessons.learning import Learning
from tui.modes.base import Mode
from tui.modes.loading import MODES
from tui.painting.footer import Hint
from tui.painting.palette import Palette, palette_from
from tui.palette_commands import Actions, Themes
from tui.scene import Look, Scene
from tui.verbs import Lab, OpenLab

COLLECT_AFTER = (50_000, 20, 20)
"""Thresholds of the garbage collector: a frame makes thousands of objects that are gone with the next."""
SETTLING_S = 0.25
"""How long the next key waits for what the last one brings."""


class Kafkarium(App[None]):
    """Kafka behind glass. `open_lab` is entered after the first frame and left when the app ends."""

    TITLE = "Kafkarium"
    CSS_PATH = "app.tcss"
    MODES = MODES
    DEFAULT_MODE = "lab"
    COMMANDS = {Actions}
    ENABLE_COMMAND_PALETTE = True
    NOTIFICATION_TIMEOUT = 5

    def __init__(
        self,
        open_lab: OpenLab,
        *,
        lab_name: str = "lab",
        theme: str = DEFAULT_THEME,
        themes: Loaded | None = None,
        beside: Path | None = None,
        freeze: bool = False,
        invites: bool = False,
    ) -> None:
        self.palette: Palette = palette_from(DEFAULTS)
        super().__init__()
        self.actions = TABLE
        self.lab_name = lab_name
        self.look = Look()
        self.learning = Learning(invites=invites)
        self.failure: LabError | KafkaError | None = None
        """Why the lab could not be opened; the app ends then."""
        self._keeper = Keeper(open_lab, self._tick, self.post_message)
        self._came_from: str | None = None
        self._settled = asyncio.Event()
        self._settled.set()
        self._beside = beside or Path.cwd()
        self._freeze = freeze
        self._loaded = themes or load_all()
        for loaded in self._loaded.themes:
            self.register_theme(loaded)
        self.theme = theme

    # The lab -----------------------------------------------------------------------------------------------

    @property
    def lab(self) -> Lab:
        """The open lab; RuntimeError before it is open."""
        return self._keeper.lab

    def on_mount(self) -> None:
        """Show a first frame, then open the lab."""
        self.theme_changed_signal.subscribe(self, lambda _: self._take_colours(), immediate=True)
        self.screen_change_signal.subscribe(self, lambda _: self._settled.set(), immediate=True)
        self._take_colours()
        for error in self._loaded.errors:
            self.complain(str(error))
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if self._freeze:
            gc.collect()
            gc.freeze()
            gc.set_threshold(*COLLECT_AFTER)
        self._keeper.begin()

    def on_lab_failed(self, message: LabFailed) -> None:
        """End, with the sentence for the command line; anything but a lab's own error is shown in full."""
        if not isinstance(message.error, (LabError, KafkaError)):
            raise message.error
        self.failure = message.error
        self.exit(return_code=2)

    async def on_unmount(self) -> None:
        """Close the lab."""
        await self._keeper.leave()
        self.failure = self.failure or self._keeper.failure

    def _tick(self) -> None:
        if isinstance(self.screen, Mode):
            self.screen.tick()

    def take_scene(self) -> Scene | None:
        """The world as it is now; None while no lab is open."""
        return self._keeper.scene(self.look)

    def look_at(self, topic: str | None = None, group: str | None = None) -> None:
        """Choose the topic or the group that every mode looks at."""
        look = self.look
        self.look = Look(
            look.topic if topic is None else topic, look.group if group is None else group, written=look.written
        )
        self._tick()

    async def visit(self, mode: str) -> None:
        """Show another mode, to which something was opened; `leave` leads back."""
        self._came_from = self.mode.kind
        await self.switch_mode(mode)

    async def leave(self) -> None:
        """Go back to the mode from which this one was visited, if it was."""
        came_from, self._came_from = self._came_from, None
        if came_from is not None:
            await self.switch_mode(came_from)

    async def choose(self, mode: str) -> None:
        """Show a mode for its own sake; there is no way back then."""
        self._came_from = None
        await self.switch_mode(mode)

    # Actions -----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        """The mode at the bottom, whatever dialog is over it."""
        screen = self.screen_stack[0]
        assert isinstance(screen, Mode)
        return screen

    def perform(self, action_id: str) -> None:
        """Run an action; when it is disabled, say why."""
        action, mode = self.actions[action_id], self.mode
        context = mode.context()
        if context is None:
            if action_id in ("quit", "help", "palette"):
                context = Context(self, mode, None, None, None)  # type: ignore[arg-type]
            else:
                self.say("The lab is still being opened.")
                return
        elif why := action.enabled(context):
            self.say(why, "warning")
            return
        self._settled.clear()
        self.run_worker(self._run_action(action, context), group="actions", name=action.id)

    async def settle(self) -> None:
        """Wait until the last action has done its work or shown another screen, so that the next key meets that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLING_S):
                await self._settled.wait()

    async def _run_action(self, action: Action, context: Context) -> None:
        try:
            await self.attempt(action.run(context))
        finally:
            self._settled.set()
        self._tick()

    async def attempt(self, verb: Coroutine[Any, Any, None] | Any) -> bool:
        """Await a verb; an error of Kafka's or the lab's becomes a toast, any other is raised."""
        try:
            await verb
        except (KafkaError, LabError) as error:
            self.complain(str(error))
            return False
        return True

    def hints(self, mode: Mode) -> tuple[list[Hint], list[Hint]]:
        """What the footer shows: what can be done here, most important first, and the modes."""
        context = mode.context()
        able = [
            action
            for action in self.actions.at(mode.places())
            if (action.priority or action.pair) and context is not None and not action.enabled(context)
        ]
        pairs = {action.pair: [each for each in able if each.pair == action.pair] for action in able if action.pair}
        hints = []
        for action in sorted(able, key=lambda action: -action.priority):
            both = pairs.get(action.pair, [action])
            if len(both) == 1 and action.priority:
                hints.append(Hint(((shown(action.key), action.id),), action.label))
            elif len(both) == 2 and action is max(both, key=lambda each: each.priority):
                hints.append(Hint(tuple(sorted((each.key, each.id) for each in both)), action.pair))
        modes = [
            Hint(((action.key, action.id),), action.label, current=action.id == f"mode.{mode.kind}")
            for action in self.actions.actions
            if action.id in ("help", "learn") or action.id.startswith("mode.")
        ]
        return hints, modes

    def action_command_palette(self) -> None:
        """Find an action by its name: in the mode, not in a dialog over it."""
        from tui.dialogs.help import HelpScreen

        if isinstance(self.screen, HelpScreen):
            self.screen.dismiss()
        if isinstance(self.screen, Mode):
            self.push_screen(CommandPalette(placeholder="Find an action by its name", id="--command-palette"))
        elif not isinstance(self.screen, CommandPalette):
            self.say("Close this first (esc).", "warning")

    def search_themes(self) -> None:
        """Choose another palette of colours."""
        self.push_screen(CommandPalette(providers=[Themes], placeholder="Choose a theme"))

    @property
    def themes(self) -> tuple[Theme, ...]:
        """The palettes that know the lab's colours."""
        return self._loaded.themes

    def context_changed(self) -> None:
        """The focus or a cursor moved: other keys may work now."""
        if isinstance(self.screen, Mode):
            self.screen.show_keys()

    # Saying things -----------------------------------------------------------------------------------------

    def say(self, sentence: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """A toast; the sentence is data, never markup."""
        self.notify(sentence, severity=severity, markup=False)

    def complain(self, sentence: str) -> None:
        """A toast about an error."""
        self.notify(sentence, severity="error", markup=False, timeout=10)

    def show_help(self) -> None:
        """What every key does."""
        from tui.dialogs.help import HelpScreen

        self.push_screen(HelpScreen(self.mode))

    def save_picture(self) -> None:
        """Save the screen as SVG beside the lab and say where."""
        self.save(f"{datetime.now():%Y-%m-%d-%H%M%S}.svg", self.export_screenshot(title="Kafkarium"))

    def save(self, name: str, text: str) -> None:
        """Save something as a file beside the lab, which comes first in its name, and say where it is."""
        path = self._beside / f"{self.lab_name}-{name}"
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            self.complain(f"It could not be saved as {path}: {error.strerror}.")
        else:
            self.say(f"Saved {path}")

    # Colours -----------------------------------------------------------------------------------------------

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours for themes that do not know Kafkarium's names."""
        return DEFAULTS

    def _take_colours(self) -> None:
        few = not self.is_headless and self.console.color_system in ("standard", "windows")
        self.palette = palette_from(self.theme_variables, self.current_theme.dark, plain=self.no_color or few)
        for screen in self.screen_stack:
            if isinstance(screen, Mode):
                self.call_after_refresh(screen.repaint)
