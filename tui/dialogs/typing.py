"""Fields that keep keys in their order, however fast they are pressed.

Textual gives a letter to the field that has the focus at once, and runs what a key is bound to (tab, backspace) only
when it has bubbled up to the app: by then the letters after it have been typed, in the wrong place. Here a field does
itself what its keys mean, and hands on those that came to it after the focus had left.
"""

from __future__ import annotations

from textual import events
from textual.widget import Widget
from textual.widgets import Input


def led_elsewhere(field: Widget, event: events.Key) -> bool:
    """Whether the key was meant for another field, or leads to one; nothing is left to be done with it then."""
    screen = field.screen
    if screen.focused is not field and screen.focused is not None:
        field.app.post_message(events.Key(event.key, event.character))
    elif event.key == "tab":
        screen.focus_next()
    elif event.key == "shift+tab":
        screen.focus_previous()
    else:
        return False
    event.stop()
    event.prevent_default()
    return True


class Entry(Input):
    """A line of text."""

    async def _on_key(self, event: events.Key) -> None:
        if led_elsewhere(self, event) or event.is_printable:
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if binding.action != "submit":
                event.stop()
                event.prevent_default()
                await self.run_action(binding.action)
