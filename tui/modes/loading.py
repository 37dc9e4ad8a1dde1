"""The modes by name. All but the first are loaded when they are first asked for: the first frame comes sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from tui.modes.base import Mode
from tui.modes.lab import LabMode


def _records() -> Mode:
    from tui.modes.records import RecordsMode

    return RecordsMode()


def _groups() -> Mode:
    from tui.modes.groups import GroupsMode

    return GroupsMode()


def _brokers() -> Mode:
    from tui.modes.brokers import BrokersMode

    return BrokersMode()


def _transactions() -> Mode:
    from tui.modes.transactions import TransactionsMode

    return TransactionsMode()


def _clients() -> Mode:
    from tui.modes.clients import ClientsMode

    return ClientsMode()


MODES: dict[str, str | Callable[[], Screen[Any]]] = {
    "lab": LabMode,
    "records": _records,
    "groups": _groups,
    "brokers": _brokers,
    "transactions": _transactions,
    "clients": _clients,
}
