"""Paints connections from outside: who, with what, from where, to which broker, and how much passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.strip import Strip

from engine.snapshot import ConnectionView
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean, rate, size

_GAP = "  "
_BROKER, _RATE, _BYTES, _LAST = 3, 7, 9, 22


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column; 0 leaves it out."""

    client: int
    software: int
    address: int
    last: int


def columns_for(connections: Sequence[ConnectionView], width: int) -> Columns:
    """As wide as what is in them, while there is room; the newest request and the address go first."""
    client = _widest([_client(each) for each in connections], 9, 24)
    software = _widest([_software(each) for each in connections], 8, 26)
    address = _widest([clean(each.address) for each in connections], 7, 24)
    fixed = 3 + _BROKER + _RATE + 2 * _BYTES + 4 * len(_GAP) + 1
    room = width - fixed - client - len(_GAP)
    shown = {"software": 0, "address": 0, "last": 0}
    for name, cells, least in (("software", software, 8), ("address", address, address), ("last", _LAST, 10)):
        taken = min(cells, room - len(_GAP))
        if taken >= least:
            shown[name] = taken
            room -= taken + len(_GAP)
    return Columns(client, **shown)


def _widest(texts: Sequence[str], least: int, most: int) -> int:
    return max(least, min(most, max(map(cell_len, texts), default=0)))


def _client(connection: ConnectionView) -> str:
    return clean(connection.client_id) or "(no client id)"


def _software(connection: ConnectionView) -> str:
    return clean(f"{connection.software} {connection.version}".strip()) or "–"


def paint_connections_head(columns: Columns, width: int, palette: Palette) -> Strip:
    """The names of the columns."""
    line = Line(width).add("   ")
    for title, cells in (
        ("client id", columns.client), ("software", columns.software), ("address", columns.address), ("to", _BROKER)
    ):  # fmt: skip
        if cells:
            line.add(title.ljust(cells), palette.quiet).add(_GAP)
    line.add("req/s".rjust(_RATE), palette.quiet).add(_GAP)
    line.add("in/s".rjust(_BYTES), palette.quiet).add(_GAP).add("out/s".rjust(_BYTES), palette.quiet)
    return line.add(f"{_GAP}newest" if columns.last else "", palette.quiet).strip()


def paint_connection(
    connection: ConnectionView, watched: bool, columns: Columns, width: int, palette: Palette, cursor: bool = False
) -> Strip:
    """One row; those that are watched have an eye."""
    line = Line(width).add("▸" if cursor else " ", palette.mark).add("◉ " if watched else "  ", palette.accent)
    line.data(_client(connection), palette.strong, width=columns.client).add(_GAP)
    for text, cells in ((_software(connection), columns.software), (connection.address, columns.address)):
        if cells:
            line.data(text, palette.text, width=cells).add(_GAP)
    line.add(f"b{connection.broker_id}".ljust(_BROKER), palette.quiet).add(_GAP)
    busy = palette.flow_in if connection.requests_per_s >= 0.05 else palette.faint
    line.add(rate(round(connection.requests_per_s, 1)).rjust(_RATE), busy).add(_GAP)
    line.add(size(connection.bytes_in_per_s).rjust(_BYTES), palette.text).add(_GAP)
    line.add(size(connection.bytes_out_per_s).rjust(_BYTES), palette.text)
    return line.add(f"{_GAP}{clean(connection.last_request)}" if columns.last else "", palette.quiet).strip()
