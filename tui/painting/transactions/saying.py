"""A transaction's state in plain words: what has been decided, what is still to be done, and who waits for it."""

from __future__ import annotations

from rich.style import Style

from engine.snapshot import TransactionState, TransactionView
from engine.wording import plural
from tui.painting.palette import Palette
from tui.painting.text import countdown, duration

SIGNS = {
    TransactionState.EMPTY: "○",
    TransactionState.ONGOING: "◔",
    TransactionState.PREPARE_COMMIT: "◑",
    TransactionState.PREPARE_ABORT: "◑",
    TransactionState.COMPLETE_COMMIT: "✓",
    TransactionState.COMPLETE_ABORT: "✗",
    TransactionState.PREPARE_EPOCH_FENCE: "‼",
    TransactionState.DEAD: "✕",
}
OVER = (TransactionState.EMPTY, TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT)
"""States in which no transaction is open."""


def style_of(state: TransactionState, palette: Palette) -> Style:
    """The colour of a state."""
    match state:
        case TransactionState.ONGOING:
            return palette.lane_waiting
        case TransactionState.COMPLETE_COMMIT:
            return palette.good
        case TransactionState.COMPLETE_ABORT | TransactionState.PREPARE_EPOCH_FENCE:
            return palette.error
        case TransactionState.PREPARE_COMMIT | TransactionState.PREPARE_ABORT:
            return palette.warning
    return palette.quiet


def sentence_of(view: TransactionView, now_ms: float) -> str:
    """The state, and what it means."""
    return f"{view.state.value}: {_meaning(view, now_ms)}"


def _meaning(view: TransactionView, now_ms: float) -> str:
    partitions = plural(len(view.partitions), "partition")
    is_are, lack = ("is", "lacks its") if len(view.partitions) == 1 else ("are", "lack their")
    match view.state:
        case TransactionState.EMPTY:
            return "its producer has an id and an epoch, and no transaction yet. The first record begins one."
        case TransactionState.ONGOING:
            left = "" if view.deadline_ms is None else f" In {countdown(view.deadline_ms - now_ms)} it is aborted."
            return (
                f"{partitions} {is_are} part of it, and nothing is decided. Who reads committed records waits at its "
                f"first record.{left}"
            )
        case TransactionState.PREPARE_COMMIT:
            return f"it is decided that it counts, and that is stored. {partitions} {lack} commit marker."
        case TransactionState.PREPARE_ABORT:
            return f"it is decided that it does not count, and that is stored. {partitions} {lack} abort marker."
        case TransactionState.COMPLETE_COMMIT:
            return (
                f"all that was written in it counts since {_since(view, now_ms)}, in every partition, and the offsets "
                "with it. The next record begins another."
            )
        case TransactionState.COMPLETE_ABORT:
            return (
                f"since {_since(view, now_ms)} all that was written in it is passed over by who reads committed "
                "records, though it stays in the logs. The next record begins another."
            )
        case TransactionState.PREPARE_EPOCH_FENCE:
            return "another producer came with this id: the old one is fenced, and what it left open is aborted."
    return "the id was not used for long and is forgotten."


def _since(view: TransactionView, now_ms: float) -> str:
    return duration(now_ms - view.updated_ms)
