"""Reads what was typed into a field, and says what is accepted when it makes no sense."""

from __future__ import annotations

from collections.abc import Mapping

Values = Mapping[str, str]


class FormError(Exception):
    """A field that does not make sense; the sentence says what would."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


def whole(values: Values, name: str, label: str, least: int = 0, most: int | None = None) -> int:
    """The whole number in a field; FormError says which numbers are taken."""
    text = values[name].replace(",", "").replace("_", "").strip()
    accepted = f"a whole number from {least:,}" + (f" to {most:,}" if most is not None else "")
    try:
        number = int(text)
    except ValueError:
        raise FormError(name, f"{label} takes {accepted}, not {text!r}.") from None
    if number < least or (most is not None and number > most):
        raise FormError(name, f"{label} takes {accepted}, not {number:,}.")
    return number


def decimal(values: Values, name: str, label: str, least: float = 0.0, most: float | None = None) -> float:
    """The number in a field; FormError says which numbers are taken."""
    text = values[name].replace(",", "").strip()
    accepted = f"a number from {least:g}" + (f" to {most:,g}" if most is not None else "")
    try:
        number = float(text)
    except ValueError:
        raise FormError(name, f"{label} takes {accepted}, not {text!r}.") from None
    if not number >= least or (most is not None and number > most):
        raise FormError(name, f"{label} takes {accepted}, not {text}.")
    return number


_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_BYTES = {"B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}


def milliseconds(values: Values, name: str, label: str, least: int = 0) -> int:
    """A length of time in ms, written as ms or with a unit: 90s, 10m, 2h, 7d; -1 where `least` allows it."""
    return _with_unit(values, name, label, _MS, "90000, 90s, 10m, 2h or 7d", least)


def byte_count(values: Values, name: str, label: str, least: int = 0) -> int:
    """A size in bytes, written as bytes or with a unit: 500kB, 10MB; -1 where `least` allows it."""
    return _with_unit(values, name, label, _BYTES, "1000000, 500kB or 10MB", least)


def _with_unit(values: Values, name: str, label: str, units: Mapping[str, int], like: str, least: int) -> int:
    text = values[name].replace(",", "").replace(" ", "")
    accepted = f"something like {like}" + (", or -1 for no limit" if least < 0 else "")
    unit = next((unit for unit in sorted(units, key=len, reverse=True) if text.endswith(unit)), "")
    try:
        number = round(float(text.removesuffix(unit)) * units.get(unit, 1))
    except (ValueError, OverflowError):
        raise FormError(name, f"{label} takes {accepted}, not {text!r}.") from None
    if number < least:
        raise FormError(name, f"{label} takes {accepted}, not {text}.")
    return number


def in_units(ms: int) -> str:
    """A length of time as `milliseconds` reads it: 604800000 is 7d."""
    for unit in ("d", "h", "m", "s"):
        if ms > 0 and ms % _MS[unit] == 0:
            return f"{ms // _MS[unit]}{unit}"
    return str(ms)
