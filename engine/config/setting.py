"""What a setting is: Kafka's name and default, what it does, and which values are accepted (`ConfigDef`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from math import isnan
from typing import Any, Self

from engine.errors import InvalidConfigError

MAX_LONG = 2**63 - 1
MAX_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be set: Kafka's name and default, the lab's default, what it does, and which values are accepted."""

    name: str
    default: Any
    kafka_default: Any
    doc: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    many: bool = False
    why: str = ""
    """Why the lab's default is not Kafka's."""
    inert: bool = False
    """Taken, kept and shown, so that programs written for Kafka can set it; it changes nothing here."""

    def parse(self, text: str) -> Any:
        """The value `text` stands for; InvalidConfigError says what is accepted instead."""
        value = self._read(text.strip())
        if not self._accepts(value):
            raise self._refuse(text.strip())
        return value

    def _read(self, text: str) -> Any:
        kind = type(self.default)
        if self.many:
            return tuple(part.strip() for part in text.split(",") if part.strip())
        if kind is bool:
            return {"true": True, "false": False}.get(text.lower())
        try:
            return None if kind is not str and "_" in text else kind(text)  # Python alone reads 1_000 as a number
        except ValueError:
            return None

    def check(self, value: Any) -> None:
        """InvalidConfigError for a value that is not accepted says what would be."""
        if not self._accepts(value):
            raise self._refuse(value)

    def _accepts(self, value: Any) -> bool:
        kind = type(self.default)
        if self.many:
            return isinstance(value, tuple) and bool(value) and all(each in self.choices for each in value)
        if kind in (int, float):
            return type(value) in (int, kind) and self._in_range(value)
        return type(value) is kind and (not self.choices or value in self.choices)

    def _in_range(self, value: float) -> bool:
        least, most = self.minimum, self.maximum
        return not isnan(value) and (least is None or value >= least) and (most is None or value <= most)

    def text(self, value: Any) -> str:
        """A value as `parse` reads it."""
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def _accepted(self) -> str:
        kind = type(self.default)
        if self.choices:
            return f"one{' or more' if self.many else ''} of {', '.join(self.choices)}"
        if kind is bool:
            return "true or false"
        if kind is str:
            return "text"
        number = "a whole number" if kind is int else "a number"
        if self.minimum is None:
            return number
        return f"{number}, {self.minimum} {'or more' if self.maximum is None else f'to {self.maximum}'}"

    def _refuse(self, value: Any) -> InvalidConfigError:
        return InvalidConfigError(f"{self.name} cannot be {value!r}; it takes {self._accepted()}.")


def setting(name: str, default: Any, doc: str, *, kafka: Any = None, **limits: Any) -> Any:
    """A field of a table of settings; `kafka` is Kafka's default where the lab has another."""
    about = Setting(name, default, default if kafka is None else kafka, doc, **limits)
    return field(default=default, metadata={"setting": about})


def inert(name: str, default: Any, doc: str, **limits: Any) -> Any:
    """A field that is taken, kept and shown, and changes nothing."""
    return setting(
        name, default, f"{doc} Without effect here: logs lie in SQLite, without segments.", inert=True, **limits
    )


class Settings:
    """What the tables below share: reading overrides, and listing themselves."""

    def __post_init__(self) -> None:
        """InvalidConfigError for a value that is not accepted."""
        for about, value in self.items():
            about.check(value)

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """The table, by Kafka's name."""
        return {f.metadata["setting"].name: f.metadata["setting"] for f in fields(cls)}  # type: ignore[arg-type]

    @classmethod
    def of(cls, overrides: Mapping[str, str]) -> Self:
        """Defaults with `overrides` (name to text) applied; InvalidConfigError for an unknown name or bad value."""
        by_name = {f.metadata["setting"].name: f for f in fields(cls)}  # type: ignore[arg-type]
        values = {}
        for name, text in overrides.items():
            if name not in by_name:
                raise InvalidConfigError(f"{name!r} is no setting here; there are: {', '.join(sorted(by_name))}.")
            values[by_name[name].name] = by_name[name].metadata["setting"].parse(str(text))
        return cls(**values)

    def items(self) -> Iterable[tuple[Setting, Any]]:
        """Each setting with its value now."""
        return [(f.metadata["setting"], getattr(self, f.name)) for f in fields(self)]  # type: ignore[arg-type]
