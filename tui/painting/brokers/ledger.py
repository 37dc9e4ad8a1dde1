"""The ledger as a table: a row a producer or a group, a column a figure, and a sentence for what a figure means."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from engine.events import Tone
from engine.snapshot import GroupLedger, LedgerRecord, LedgerView, ProducerLedger
from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import fit, number, short, wrap

PRODUCER_COLUMNS = ("sent", "acked", "lost_acked", "lost_unacked")
GROUP_COLUMNS = ("once", "again", "never", "late")
_NAMES = {
    "sent": ("sent", "sent", "sent"), "acked": ("acknowledged", "acked", "acked"),
    "lost_acked": ("lost, acked", "lost acked", "lost"), "lost_unacked": ("lost, unacked", "lost unack", "unacked"),
    "once": ("once", "once", "once"), "again": ("again", "again", "again"), "never": ("never", "never", "never"),
    "late": ("out of order", "disorder", "order"),
}  # fmt: skip
"""What a column is called, as there is room."""
_SIGNS = {"lost_acked": "✗", "lost_unacked": "✗", "never": "✗", "again": "↻", "late": "⇅"}
_LOSSES = ("lost_acked", "lost_unacked", "never")
NAME, LEAST, MOST = 24, 8, 18
ROOMY, TIGHT = 15, 11
"""From how many cells on a column has its longest name, and its middle one."""

Book = ProducerLedger | GroupLedger


def columns_of(book: Book | None, of_group: bool = False) -> tuple[str, ...]:
    """The columns of a row."""
    return GROUP_COLUMNS if of_group or isinstance(book, GroupLedger) else PRODUCER_COLUMNS


def name_of(book: Book) -> str:
    """Whose row it is."""
    if isinstance(book, GroupLedger):
        return " → ".join((book.group_id, ", ".join(book.writes_to))) if book.writes_to else book.group_id
    return book.name


def layout(width: int) -> tuple[int, int]:
    """Cells of the name, and of each of four columns."""
    name = max(8, min(NAME, width - 2 - 4 * LEAST))
    return name, max(1, min(MOST, (width - name - 2) // 4))


def paint_ledger_head(of_group: bool, width: int, palette: Palette) -> Strip:
    """The names of the columns."""
    name, each = layout(width)
    which = 0 if each >= ROOMY else 1 if each >= TIGHT else 2
    line = Line(width).add(" ").add(fit("Groups" if of_group else "Producers", name), palette.quiet)
    for column in columns_of(None, of_group):
        line.add(fit(_NAMES[column][which], each, right=True), palette.quiet)
    return line.strip()


def paint_ledger_row(book: Book, chosen: int, width: int, palette: Palette) -> Strip:
    """One row. `chosen`: the column the cursor is in, -1 without one."""
    name, each = layout(width)
    line = Line(width).add(" ").data(name_of(book), palette.text, name)
    for at, column in enumerate(columns_of(book)):
        text, style = _figure(book, column, each, palette)
        if at == chosen:
            line.add(" " * (each - len(text) - 1)).add(f" {text}", palette.chosen)
        else:
            line.add(fit(text, each, right=True), style)
    return line.strip()


def _figure(book: Book, column: str, width: int, palette: Palette) -> tuple[str, Style]:
    value: int = getattr(book, column)
    if column == "acked" and isinstance(book, ProducerLedger) and book.acks == "0":
        return "–", palette.faint
    text = number(value)
    sign = f"{_SIGNS[column]} " if value and column in _SIGNS else ""
    if len(sign + text) >= width:
        text = short(value)
        sign = sign if len(sign + text) < width else ""
    if not value:
        return text, palette.faint
    if column in _LOSSES:
        return sign + text, palette.tones[Tone.LOSS]
    return sign + text, palette.warning if sign else palette.text


def losses(view: LedgerView) -> int:
    """How many acknowledged records are gone or were never processed."""
    return sum(book.lost_acked for book in view.producers) + sum(book.never for book in view.groups)


def sentence(book: Book, column: str, rules: Sequence[str] = ()) -> str:
    """What a figure says. `rules`: how the group's consumers commit."""
    count: int = getattr(book, column)
    if isinstance(book, ProducerLedger):
        none, some = _of_producer(book, column, count == 1)
    else:
        none, some = _of_group(column, rules, count == 1)
    return f"{number(count)} {some}" if count else none


def _of_producer(book: ProducerLedger, column: str, one: bool) -> tuple[str, str]:
    records, are, were = ("record", "is", "was") if one else ("records", "are", "were")
    match column:
        case "sent":
            known = book.acked + book.lost_unacked + book.aborted
            waiting = max(0, book.sent - known) if book.acks != "0" else 0
            rest = f"; {number(waiting)} of them still without an answer" if waiting else ""
            rest += f"; {number(book.aborted)} in transactions that were aborted" if book.aborted else ""
            return "Nothing was sent yet.", f"{records} {were} sent{rest}."
        case "acked":
            if book.acks == "0":
                return "With acks=0 no broker answers, so nothing is ever acknowledged.", f"{records} {were} acked."
            had = "the leader had them, followers perhaps not" if book.acks == "1" else "every replica in sync had them"
            return "Nothing was acknowledged yet.", f"{records} {were} acknowledged with acks={book.acks}: {had}."
        case "lost_acked":
            why = (
                "their leader died before a follower copied them (acks=1)"
                if book.acks == "1"
                else "every copy in sync was lost, or one out of sync leads"
            )
            return "No acknowledged record is lost.", f"acknowledged {records} {are} gone: {why}."
    if book.acks == "0":
        return "Every record sent so far came to a log.", f"{records} came to no log, and with acks=0 nobody was told."
    why = "the producer crashed or gave up"
    return "No record was given up and lost.", f"{records} {were} never acknowledged and {are} in no log: {why}."


def _of_group(column: str, rules: Sequence[str], one: bool) -> tuple[str, str]:
    records, were = ("record", "was") if one else ("records", "were")
    match column:
        case "once":
            return "No record was processed exactly once yet.", f"{records} {were} processed exactly once."
        case "again":
            why = "committed too late, offsets moved back, or stored twice"
            return "No record was processed twice.", f"{records} {were} processed again: {why}."
        case "never":
            first, moved = "committed first, then their consumer died", "the offsets were moved past them"
            why = first if "before" in rules else moved if rules else "committed too early, or offsets moved"
            none = "No record below the committed offsets was left out."
            return none, f"acknowledged {records} {were} never processed: {why}."
    return (
        "The records of each key came in the order they were sent.",
        f"{records} {were} processed after a later one of the same producer and key.",
    )


def paint_ledger_page(
    said: str, since: int, records: Sequence[LedgerRecord], count: int, width: int, palette: Palette
) -> list[Strip]:
    """The records behind a figure: `count` of them, of which `records` are known by name."""
    lines = [Line(width).add(" ").add(text, palette.text).strip() for text in wrap(said, width - 2)]
    lines.append(blank(width))
    if not records:
        words = "None." if not count else "Which they are is not kept: the lab was closed since."
        return [*lines, Line(width).add(" ").add(words, palette.quiet).strip()]
    room = max(10, min(30, width // 3))
    head = Line(width).add(" ").add("producer".ljust(room), palette.quiet).add("sequence".rjust(12), palette.quiet)
    lines.append(head.add("   ").add("where it lay", palette.quiet).strip())
    for record in records:
        line = Line(width).add(" ").data(record.producer, palette.text, room).add(f"{record.sequence:>12,}")
        if record.tp is not None:
            line.add("   ").data(f"{record.tp} @ {number(record.offset)}", palette.quiet)
        else:
            line.add("   ").add("not known", palette.faint)
        lines.append(line.strip())
    if count > len(records):
        rest = f"{number(count - len(records))} more are counted, not named."
        lines.append(Line(width).add(" ").add(rest, palette.faint).strip())
    if since:
        since_words = f"Records are named from sequence {number(since)} on."
        lines.append(Line(width).add(" ").add(since_words, palette.faint).strip())
    return lines
