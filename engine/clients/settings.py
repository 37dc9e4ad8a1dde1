"""What settings of clients may be; refused with what they take instead."""

from __future__ import annotations

from engine.errors import InvalidConfigError


def at_least(least: int, **settings: float) -> None:
    """Whether each of these is a number from `least` on; InvalidConfigError names the first that is not."""
    for name, value in settings.items():
        if not value >= least:  # not a number is below every number, too
            raise InvalidConfigError(f"{name} cannot be {value}; it takes {least} or more.")


def one_of(name: str, value: str, accepted: tuple[str, ...]) -> None:
    """Whether this is one of the values accepted; InvalidConfigError."""
    if value not in accepted:
        raise InvalidConfigError(f"{name} cannot be {value!r}; it takes {', '.join(accepted)}.")
