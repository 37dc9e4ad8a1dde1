"""How settings change: all at once or step by step (KIP-339), decided from what is set now.

Rules from `ConfigurationControlManager` and `kafka.server.ConfigAdminManager`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from engine.config import BrokerConfig, TopicConfig
from engine.errors import InvalidConfigError, InvalidRequestError
from engine.messages import AlterOperation, ConfigAlteration

Changes = Mapping[str, str | None]
"""What is set; None puts a setting back to its default."""
Decide = Callable[[Mapping[str, str]], Changes]
"""From what is set now to what is to change."""


def replacing(configs: Mapping[str, str | None]) -> Decide:
    """These and no others are to be set."""

    def decide(now: Mapping[str, str]) -> Changes:
        return {**dict.fromkeys(now), **without_nulls(configs)}

    return decide


def stepwise(steps: Sequence[ConfigAlteration]) -> Decide:
    """Each step on top of what is set now."""

    def decide(now: Mapping[str, str]) -> Changes:
        twice = [name for name, times in Counter(step.name for step in steps).items() if times > 1]
        if twice:
            raise InvalidRequestError(f"{twice[0]} is changed more than once in one request.")
        return {step.name: _after(step, now.get(step.name)) for step in steps}

    return decide


def _after(step: ConfigAlteration, now: str | None) -> str | None:
    if step.operation == AlterOperation.DELETE:
        return None
    if step.value is None:
        raise InvalidRequestError(f"{step.name} has no value; delete it to put it back to its default.")
    if step.operation == AlterOperation.SET:
        return step.value
    setting = TopicConfig.settings().get(step.name)
    if setting is None or not isinstance(setting.default, tuple):
        raise InvalidConfigError(f"{step.name} holds no list, so nothing can be appended to it or taken from it.")
    have = list(setting.default) if now is None else [part.strip() for part in now.split(",")]
    given = [part.strip() for part in step.value.split(",")]
    match step.operation:
        case AlterOperation.APPEND:
            return ",".join([*have, *(part for part in given if part not in have)])
        case AlterOperation.SUBTRACT:
            return ",".join(part for part in have if part not in given)
        case _:
            raise InvalidRequestError(f"{step.operation} is no way to change a setting.")


def check_brokers(changes: Changes) -> None:
    """Refuse to change what is fixed while the lab is open; to delete what was never set changes nothing."""
    fixed = [name for name, value in changes.items() if value is not None or name in BrokerConfig.settings()]
    if fixed:
        raise InvalidRequestError(
            f"Cannot change {', '.join(fixed)} while the brokers run: a lab's brokers are set when it is opened."
        )


def without_nulls(configs: Mapping[str, str | None]) -> dict[str, str]:
    """The settings, each of which must have a value; InvalidConfigError."""
    for name, value in configs.items():
        if value is None:
            raise InvalidConfigError(f"{name} has no value; leave it out to take its default.")
    return {name: value for name, value in configs.items() if value is not None}
