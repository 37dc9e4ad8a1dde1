"""Reads palettes from TOML into Textual themes and says, with file and line, what is wrong with one that does not load.

A file has a `name`, `dark` (true or false), a table `[colors]` with Textual's own colours and a table `[lab]` with
the names of `themes.variables`. What is left out is taken from the defaults.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from themes.variables import DEFAULTS

HERE = Path(__file__).parent
DEFAULT_THEME = "kafkarium-dark"
COLORS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "boost",
    "warning",
    "error",
    "success",
)


class ThemeError(Exception):
    """A theme file that cannot be used: names the file, the line where it is known, and what to mend."""

    def __init__(self, path: Path, line: int | None, what: str) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"The theme {where}: {what}")
        self.path = path
        self.line = line


@dataclass(frozen=True, slots=True)
class Loaded:
    """The themes that could be loaded, and what was wrong with the others."""

    themes: tuple[Theme, ...]
    errors: tuple[ThemeError, ...]


def personal_folder() -> Path:
    """Where a person's own palettes are looked for."""
    from platformdirs import user_config_path

    return user_config_path("kafkarium") / "themes"


def load_all(folders: Iterable[Path] | None = None) -> Loaded:
    """Every palette of the given folders, by default the shipped ones and then a person's own, which win by name."""
    themes: dict[str, Theme] = {}
    errors = []
    for folder in (HERE, personal_folder()) if folders is None else folders:
        for path in sorted(folder.glob("*.toml")):
            try:
                theme = load(path)
            except ThemeError as error:
                errors.append(error)
            else:
                themes[theme.name] = theme
    return Loaded(tuple(themes.values()), tuple(errors))


def load(path: Path) -> Theme:
    """One palette; ThemeError when it cannot be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ThemeError(path, None, f"it cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise ThemeError(path, None, "it is not UTF-8 text.") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise ThemeError(path, line, f"it is not TOML: {re.sub(r' *[(]at .*[)]', '', str(error))}.") from error
    return _theme(path, text, data)


def _theme(path: Path, text: str, data: dict[str, Any]) -> Theme:
    known = {"name", "dark", "colors", "lab", "textual"}
    for key in data:
        if key not in known:
            raise ThemeError(path, _line_of(text, key), f"{key!r} is unknown; there are: {', '.join(sorted(known))}.")
    name, dark = data.get("name", path.stem), data.get("dark", True)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        raise ThemeError(path, _line_of(text, "name"), "name takes letters, digits, dots and dashes.")
    if not isinstance(dark, bool):
        raise ThemeError(path, _line_of(text, "dark"), "dark takes true or false.")
    colors = _table(path, text, data, "colors", COLORS)
    if "primary" not in colors:
        raise ThemeError(path, _line_of(text, "colors"), "[colors] needs at least primary.")
    lab = _table(path, text, data, "lab", tuple(DEFAULTS))
    own = data.get("textual", {})
    if not isinstance(own, dict) or not all(isinstance(value, str) for value in own.values()):
        raise ThemeError(path, _line_of(text, "textual"), "[textual] takes names of Textual's variables with text.")
    settings: dict[str, Any] = {"name": name, "dark": dark, "variables": {**DEFAULTS, **own, **lab}, **colors}
    return Theme(**settings)


def _table(path: Path, text: str, data: dict[str, Any], table: str, accepted: tuple[str, ...]) -> dict[str, str]:
    values = data.get(table, {})
    if not isinstance(values, dict):
        raise ThemeError(path, _line_of(text, table), f"[{table}] must be a table of colours.")
    for key, value in values.items():
        line = _line_of(text, key)
        if key not in accepted:
            raise ThemeError(path, line, f"{key!r} is no colour of [{table}]; there are: {', '.join(accepted)}.")
        try:
            Color.parse(value)
        except (ColorParseError, TypeError, AttributeError):
            raise ThemeError(path, line, f"{value!r} is no colour for {key}; write one like '#7aa2f7'.") from None
    return dict(values)


def _line_of(text: str, key: str) -> int | None:
    pattern = re.compile(rf"^\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*(=|\])")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), None)
