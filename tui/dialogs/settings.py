"""Every setting of a topic: its value now, Kafka's default, and what it does. Only what was changed is set."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config import Setting, TopicConfig
from engine.errors import InvalidConfigError
from engine.snapshot import TopicView
from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values
from tui.painting.text import number
from tui.scene import Scene
from tui.verbs import Lab


class TopicSettings(Form[dict[str, str | None]]):
    """Changes settings of a topic; answers what was set."""

    heading = "Settings"
    verb = "set"

    def __init__(self, scene: Scene, topic: TopicView) -> None:
        super().__init__(scene)
        self.add_class("-long-labels")
        self._topic = topic
        self._set = dict(topic.config)
        self._settings = {
            name: setting for name, setting in TopicConfig.settings().items() if not setting.inert or name in self._set
        }

    def title_shown(self) -> str:
        """With the topic's name."""
        return f"Settings of {self._topic.name}"

    def fields(self) -> Sequence[Field]:
        """One a setting."""
        return tuple(
            Field(name, name, self._set.get(name, setting.text(setting.default)), _hint(setting), _choices(setting))
            for name, setting in self._settings.items()
        )

    def consequence(self, values: Values) -> str:
        """What would be set."""
        changes = self._changes(values)
        if not changes:
            return "Nothing is changed yet."
        told = (
            f"{name} = {value}" if value is not None else f"{name} back to its default"
            for name, value in changes.items()
        )
        return "; ".join(told) + "."

    async def apply(self, values: Values, lab: Lab) -> dict[str, str | None]:
        """Set what was changed."""
        changes = self._changes(values)
        if changes:
            await lab.alter_topic_config(self._topic.name, changes)
        return changes

    def _changes(self, values: Values) -> dict[str, str | None]:
        changes: dict[str, str | None] = {}
        for name, setting in self._settings.items():
            text = values[name].strip()
            try:
                value = setting.parse(text)
            except InvalidConfigError as wrong:
                raise FormError(name, str(wrong)) from None
            now = setting.parse(self._set[name]) if name in self._set else setting.default
            if value != now:
                changes[name] = text if value != setting.default else None
        return changes


def _choices(setting: Setting) -> tuple[str, ...]:
    if setting.many:
        return ("delete", "compact", "compact,delete")
    if isinstance(setting.default, bool):
        return ("false", "true")
    return setting.choices


def _hint(setting: Setting) -> str:
    default = setting.kafka_default
    shown = number(default) if isinstance(default, int) and not isinstance(default, bool) else setting.text(default)
    return f"{setting.doc} Kafka's default is {shown}."
