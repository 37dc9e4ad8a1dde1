"""The base of every mode: header, body, footer, and the one timer that takes a snapshot and hands it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import Input, Static, TextArea

from tui.actions.table import Context
from tui.lessons.lesson import Moment, Reading
from tui.panels.footer import Footer
from tui.panels.guide import Guide, said_of
from tui.panels.header import Header
from tui.panels.panel import Panel
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.app import Kafkarium

HERTZ = 12
SMALLEST = (60, 18)


class Mode(Screen[None]):
    """A screen of its own; a subclass names its `kind` and composes its panels in `body`.

    By width it has one of the classes -tiny (below 60), -narrow (below 100), -normal and -wide (from 180); by height
    -flat (below 18), -low (below 30), -tall.
    """

    kind: ClassVar[str] = ""
    """Its name in the action table."""

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (SMALLEST[0], "-narrow"), (100, "-normal"), (180, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (SMALLEST[1], "-low"), (30, "-tall")]
    AUTO_FOCUS = "Panel"

    scene: reactive[Scene | None] = reactive(None, init=False, repaint=False)  # panels repaint what changed

    @property
    def kafkarium(self) -> Kafkarium:
        """The app, by its own type."""
        return cast("Kafkarium", self.app)

    def compose(self) -> ComposeResult:
        """Header, lesson, body, footer, and what is said when the terminal is too small for them."""
        yield Header()
        yield Guide()
        with Container(id="body"):
            yield from self.body()
        yield Footer()
        yield Static(id="too-small", markup=False)

    def body(self) -> ComposeResult:
        """The mode's panels."""
        raise NotImplementedError

    # Hooks -------------------------------------------------------------------------------------------------

    async def open(self, context: Context) -> None:
        """`enter` on what is selected."""

    async def back(self, context: Context) -> None:
        """`escape`."""

    def took(self, scene: Scene) -> None:
        """Called with every new scene, before the panels that are in view are shown it."""

    def reading(self) -> Reading:
        """How records are read here, where they are."""
        return Reading()

    # The scene ---------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Start the one timer."""
        self._timer = self.set_interval(1 / HERTZ, self.tick)
        self.tick()

    def on_screen_suspend(self) -> None:
        """Nobody looks: take no snapshots."""
        self._timer.pause()

    def on_screen_resume(self) -> None:
        """Somebody looks again."""
        self._timer.resume()
        self.tick()

    def tick(self) -> None:
        """Take the world as it is; nothing is repainted unless something changed."""
        scene = self.kafkarium.take_scene()
        if scene is not None:
            self.scene = scene
            self.show_lesson(scene)

    def show_lesson(self, scene: Scene) -> None:
        """Let the lesson that is taken look, even at a world that stands still, and say what it says."""
        learning = self.kafkarium.learning
        learning.follow(Moment(scene, self.kind, self.reading()))
        self.query_one(Guide).show(said_of(learning, scene))

    def watch_scene(self, scene: Scene | None) -> None:
        """Hand the scene down."""
        if scene is None:
            return
        self.took(scene)
        self.query_one(Header).show(scene)
        for panel in self.query(Panel):
            if panel.display:
                panel.show(scene)
        self.show_keys()

    # Keys --------------------------------------------------------------------------------------------------

    def context(self) -> Context | None:
        """Where an action would be run now; None while no lab is open."""
        if self.scene is None:
            return None
        panel = self.focused if isinstance(self.focused, Panel) else None
        return Context(self.kafkarium, self, panel, self.scene, panel.selection if panel else None)

    def show_keys(self) -> None:
        """Bring the footer up to date."""
        self.query_one(Footer).show(*self.kafkarium.hints(self))

    async def on_key(self, event: events.Key) -> None:
        """Look the key up in the table of actions, unless somebody is typing."""
        if self.app.screen is not self:  # pressed before another screen was there, and meant for that
            event.stop()
            self.app.post_message(events.Key(event.key, event.character))
            return
        key = event.character if event.is_printable and event.character not in (None, " ") else event.key
        if key is None or (isinstance(self.focused, Input | TextArea) and not _passes_while_typing(key)):
            return
        action = self.kafkarium.actions.for_key(key, self.places())
        if action is not None:
            event.stop()
            event.prevent_default()
            self.kafkarium.perform(action.id)
            await self.kafkarium.settle()

    def places(self) -> tuple[str, ...]:
        """The names of where we are in the table of actions, narrowest first."""
        panel = self.focused if isinstance(self.focused, Panel) else None
        return (*((panel.kind,) if panel else ()), self.kind)

    # Sizes and colours -------------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Keep the sentence about the size true."""
        width, height = event.size
        self.query_one("#too-small", Static).update(
            f"Kafkarium needs a terminal of {SMALLEST[0]} columns by {SMALLEST[1]} rows; this one has {width} by "
            f"{height}.\nMake it larger, or its letters smaller.\n\nThe lab goes on meanwhile; q leaves it."
        )

    def repaint(self) -> None:
        """Paint everything again, in other colours."""
        for part in self.query("Header, Guide, Footer, Panel").results(Header | Guide | Footer | Panel):  # type: ignore[arg-type]
            part.repaint()


def _passes_while_typing(key: str) -> bool:
    return key in ("escape", "tab", "shift+tab") or key.startswith("ctrl+")
