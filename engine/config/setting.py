"""What a setting is: Kafka's name and default, what it does, and which values are accepted (`ConfigDef`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
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
        kind = type(self.default)
        text = text.strip()
        if self.many:
            parts = tuple(part.strip() for part in text.split(",") if part.strip())
            if not parts or any(part not in self.choices for part in parts):
                raise self._refuse(text, f"one or more of {', '.join(self.choices)}")
            return parts
        if kind is bool:
            if text.lower() not in ("true", "false"):
                raise self._refuse(text, "true or false")
            return text.lower() == "true"
        if kind is str:
            if self.choices and text not in self.choices:
                raise self._refuse(text, f"one of {', '.join(self.choices)}")
            return text
        try:
            value = kind(text)
        except ValueError:
            raise self._refuse(text, "a whole number" if kind is int else "a number") from None
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise self._refuse(text, f"{self.minimum} to {self.maximum}" if self.maximum else f"{self.minimum} or more")
        return value

    def text(self, value: Any) -> str:
        """A value as `parse` reads it."""
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def _refuse(self, text: str, accepted: str) -> InvalidConfigError:
        return InvalidConfigError(f"{self.name} cannot be {text!r}; it takes {accepted}.")


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
