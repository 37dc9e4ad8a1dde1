"""Keys that are pressed faster than the screen changes do what they would have done slowly."""

from __future__ import annotations

from textual import events

from tests.tui.conftest import OpenStage, Stage
from tests.tui.worlds import WORLDS
from tui.dialogs.clients import NewConsumer
from tui.dialogs.form import Form

_NAMED = {"enter": "\r", "tab": "\t", "backspace": "\x7f"}


async def _burst(on: Stage, *keys: str) -> None:
    """Press keys without waiting for what any of them does."""
    for key in keys:
        on.app.post_message(events.Key(key, _NAMED.get(key, key if len(key) == 1 else None)))
    for _ in range(4):
        await on.settle()


async def test_a_dialog_gets_the_keys_that_were_pressed_before_it_was_there(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await _burst(on, "c", "enter")
        assert [spec.group_id for (spec,) in on.lab.called("workload.spawn_consumer")] == ["billing"]
        assert not isinstance(on.app.screen, NewConsumer)


async def test_a_cursor_moves_in_the_panel_that_the_key_before_led_to(stage: OpenStage) -> None:
    async with stage(WORLDS["busy"]()) as on:
        await on.press("tab", "tab", "down")
        slowly = on.app.mode.context()
        await on.press("up", "shift+tab", "shift+tab")
        await _burst(on, "tab", "tab", "down")
        quickly = on.app.mode.context()
        assert slowly is not None
        assert quickly is not None
        assert quickly.selection == slowly.selection


async def test_keys_pressed_right_after_another_mode_was_asked_for_are_meant_for_it(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await _burst(on, "2", "/")
        assert on.app.mode.kind == "records"
        assert "header:…" in on.text()


async def test_letters_wait_for_the_keys_before_them_in_a_form(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await on.press("0", "tab")
        await _burst(on, *["backspace"] * 4, *"19092", "left", "left", "backspace", "8")
        form = on.app.screen
        assert isinstance(form, Form)
        assert form.values()["port"] == "19892"


async def test_letters_go_to_the_field_that_the_key_before_led_to(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await on.press("e")
        await _burst(on, "tab", "7", "tab", "right", "tab", "!", "shift+tab", "shift+tab", "8")
        form = on.app.screen
        assert isinstance(form, Form)
        values = form.values()
        assert (values["key"], values["kind"], values["value"]) == ("customer-4278", "JSON", '{"hello": "world"}!')
