"""How far the transaction looked at has come: the states it goes through, its timeout, and what that means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import TransactionState, TransactionView
from tui.painting.groups.meter import halves, meter, urgency
from tui.painting.line import Line, blank, right_aligned
from tui.painting.text import clean, countdown, cut, duration, wrap
from tui.painting.transactions.machine import CHAIN_HEIGHT, DRAWN_HEIGHT, LEAST_WIDTH, paint_chain, paint_machine
from tui.painting.transactions.saying import sentence_of, style_of
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.modes.transactions import TransactionsMode

SAID_HEIGHT = 3
_WHAT = (
    "A transaction: records written to several partitions, and the offsets of what was read for them, count together "
    "or not at all. Each producer that wants that has a transactional id; one of the brokers coordinates it."
)

Timer = tuple[str, float]
"""What is left, in words, and as a share (0 to 1) of the timeout."""


class TransactionMachine(Panel, can_focus=False):
    """Where it is, and where it can go."""

    kind = "transactions.state"
    name_shown = "State"

    @property
    def _view(self) -> TransactionView | None:
        return cast("TransactionsMode", self.screen).chosen

    def title(self, scene: Scene) -> Content:
        """Whose transaction."""
        view = self._view
        if view is None:
            return Content("Transaction")
        return Content.assemble(
            (cut(clean(view.transactional_id), 32), "$strong bold"), (" · transactional id", "$quiet")
        )

    def subtitle(self, scene: Scene) -> Content:
        """Producer, timeout and coordinator."""
        view = self._view
        if view is None:
            return Content("")
        return Content.styled(
            f"producer id {view.producer_id} · epoch {view.producer_epoch} · timeout {duration(view.timeout_ms)} · "
            f"coordinator broker {view.coordinator}",
            "$quiet",
        )

    def items(self, scene: Scene) -> Sequence[Item]:
        """The drawing; what is left of the timeout; the sentence."""
        view, region = self._view, self.scrollable_content_region
        drawn = region.height >= DRAWN_HEIGHT + 1 + SAID_HEIGHT - 1 and region.width >= LEAST_WIDTH
        state = view.state if view else None
        now_ms = scene.world.now_ms
        timer: Timer | None = None
        if view is not None and view.deadline_ms is not None:
            left = view.deadline_ms - now_ms
            share = round(min(max(left / view.timeout_ms, 0.0), 1.0), 2) if view.timeout_ms else 0.0
            timer = (countdown(left), share)
        said = sentence_of(view, now_ms) if view is not None else _WHAT
        return [
            Item((state, drawn), height=DRAWN_HEIGHT if drawn else CHAIN_HEIGHT),
            Item(timer),
            Item((said, state), height=SAID_HEIGHT),
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One of the three."""
        if item.height == 1:
            return [self._timer(cast("Timer | None", item.model), pen)]
        if item.height == SAID_HEIGHT and isinstance(cast("tuple[object, object]", item.model)[0], str):
            return self._said(*cast("tuple[str, TransactionState | None]", item.model), pen)
        state, drawn = cast("tuple[TransactionState | None, bool]", item.model)
        return (paint_machine if drawn else paint_chain)(state, pen.width, pen.palette)

    def _timer(self, timer: Timer | None, pen: Pen) -> Strip:
        if timer is None:
            return blank(pen.width)
        left, share = timer
        tail = f"{left} left until it is aborted" if pen.width >= 60 else f"{left} left"
        line = Line(pen.width).add(" ")
        room = max(pen.width - len(tail) - 3, 4)
        meter(line, halves(share, room), room, urgency(share, pen.palette), pen.palette)
        return right_aligned(line, [(tail, pen.palette.strong)], margin=1).strip()

    def _said(self, sentence: str, state: TransactionState | None, pen: Pen) -> list[Strip]:
        palette, rows = pen.palette, []
        for at, text in enumerate(wrap(sentence, max(pen.width - 2, 1))[:SAID_HEIGHT]):
            line = Line(pen.width).add(" ")
            head, colon, rest = text.partition(":")
            if at == 0 and state is not None and colon:
                line.add(head + colon, style_of(state, palette)).add(rest, palette.text)
            else:
                line.add(text, palette.text)
            rows.append(line.strip())
        return rows + [blank(pen.width)] * (SAID_HEIGHT - len(rows))
