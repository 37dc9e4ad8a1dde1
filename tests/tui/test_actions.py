from __future__ import annotations

from dataclasses import replace

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from engine.errors import KafkaError, RefusedError, UnknownTopicOrPartitionError
from engine.snapshot import ClientState
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.actions import TABLE
from tui.actions.table import Action, ActionTable, Context
from tui.selection import SelectedBroker, SelectedConsumer, SelectedMember, SelectedProducer, Selection


async def nothing(_: Context) -> None:
    """Does nothing."""


def action(action_id: str, *keys: str, where: tuple[str, ...] = ()) -> Action:
    return Action(action_id, keys, action_id, "Does nothing.", nothing, where=where)


def test_the_narrowest_place_wins_a_key() -> None:
    table = ActionTable(
        [action("all", "a", "b"), action("mode", "a", where=("lab",)), action("panel", "a", where=("lab.x",))]
    )
    assert table.for_key("a", ("lab.x", "lab")) is table["panel"]
    assert table.for_key("a", ("lab.y", "lab")) is table["mode"]
    assert table.for_key("a", ("records",)) is table["all"]
    assert table.for_key("b", ("lab.x", "lab")) is table["all"]
    assert table.for_key("z", ("lab",)) is None


def test_one_key_cannot_mean_two_things_in_one_place() -> None:
    with pytest.raises(ValueError, match="both 'one' and 'two'"):
        ActionTable([action("one", "a", where=("lab",)), action("two", "a", where=("lab",))])
    with pytest.raises(ValueError, match="two actions are called"):
        ActionTable([action("one", "a"), action("one", "b")])


def test_an_action_whose_every_key_is_taken_here_is_not_offered_here() -> None:
    table = ActionTable([action("all", "a"), action("mode", "a", where=("lab",)), action("keyless")])
    assert [each.id for each in table.at(("lab",))] == ["mode", "keyless"]


@pytest.mark.parametrize("each", TABLE.actions, ids=lambda each: each.id)
def test_every_action_says_what_it_does_and_capitals_are_kept_for_what_destroys(each: Action) -> None:
    assert each.label
    assert each.help[0].isupper()
    assert each.help.endswith(".")
    letters = [key for key in each.keys if len(key) == 1 and key.isalpha()]
    if each.id != "last":  # G, as everywhere else in terminals
        assert all(key.isupper() == each.destructive for key in letters)


def test_the_keys_of_the_design_are_there() -> None:
    expected = {
        "1": "mode.lab", "2": "mode.records", "3": "mode.groups", "4": "mode.brokers",
        "n": "topic.new", "p": "producer.new",
        "c": "consumer.new", "u": "undo", "+": "client.more", "-": "client.less", "x": "client.stop",
        "X": "client.crash", "space": "pause", ".": "step", ",": "next", "backspace": "moments",
        "<": "slower", ">": "faster", "?": "help",
        "ctrl+p": "palette", "ctrl+s": "screenshot", "q": "quit", "tab": "panel.next", "enter": "open",
        "escape": "back", "up": "up", "k": "up", "down": "down", "j": "down", "g": "first", "G": "last",
    }  # fmt: skip
    for key, action_id in expected.items():
        found = TABLE.for_key(key, ())
        assert found is not None, key
        assert found.id == action_id


async def run(on: Stage, action_id: str, selection: Selection | None) -> str:
    """Run an action as if that were selected; the reason when it is disabled."""
    context = on.app.mode.context()
    assert context is not None
    context = replace(context, selection=selection)
    why = TABLE[action_id].enabled(context)
    if not why:
        await TABLE[action_id].run(context)
    return why


@pytest.mark.parametrize(
    ("action_id", "verb"),
    [
        ("client.stop", "workload.stop"),
        ("client.crash", "workload.crash"),
        ("client.pause", "workload.pause"),
    ],
)
async def test_the_selected_client_is_what_the_verb_is_called_with(stage: OpenStage, action_id: str, verb: str) -> None:
    async with stage() as on:
        assert not await run(on, action_id, SelectedProducer("web-1"))
        assert not await run(on, action_id, SelectedMember("billing", "any", "billing-2"))
        assert on.lab.called(verb) == [("web-1",), ("billing-2",)]


async def test_more_means_a_higher_rate_for_a_producer_and_less_work_a_record_for_a_consumer(stage: OpenStage) -> None:
    async with stage() as on:
        await run(on, "client.more", SelectedProducer("web-1"))
        await run(on, "client.more", SelectedConsumer("billing-1"))
        await run(on, "client.less", SelectedProducer("web-1"))
        assert on.lab.called("workload.set_rate") == [("web-1", 50), ("web-1", 20)]
        assert on.lab.called("workload.set_processing") == [("billing-1", 1)]


async def test_faults_come_and_go_with_one_key(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await run(on, "consumer.hang", SelectedConsumer("billing-1"))
        await run(on, "consumer.hang", SelectedConsumer("search-1"))
        await run(on, "consumer.heartbeats", SelectedConsumer("billing-1"))
        assert on.lab.called("workload.hang") == [("billing-1",)]
        assert on.lab.called("workload.unhang") == [("search-1",)]
        assert on.lab.called("workload.stop_heartbeats") == [("billing-1",)]


async def test_answers_to_producers_are_lost_until_the_key_is_pressed_again(stage: OpenStage) -> None:
    world = worlds.first()
    losing = replace(world.brokers[2], lost_answers=0.5)
    async with stage(replace(world, brokers=(*world.brokers[:2], losing))) as on:
        await run(on, "broker.lose", SelectedBroker(2))
        await run(on, "broker.lose", SelectedBroker(3))
        assert on.lab.called("faults.lose_answers") == [(2, 0.5), (3, 0)]


async def test_a_disabled_action_says_why_and_calls_nothing(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        assert "Select a producer or a consumer" in await run(on, "client.stop", None)
        assert "crashed already" in await run(on, "client.stop", SelectedProducer("old-1"))
        assert "at work" in await run(on, "client.restart", SelectedProducer("web-1"))
        assert "Select a consumer" in await run(on, "consumer.hang", SelectedProducer("web-1"))
        assert not on.lab.calls


async def test_pressing_the_key_of_a_disabled_action_toasts_the_reason(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("p")
        assert any("press n to make one" in toast for toast in on.toasts())


@pytest.mark.parametrize("error", [UnknownTopicOrPartitionError("no [such] topic"), RefusedError("not [now]")])
async def test_an_error_of_kafkas_or_the_labs_becomes_a_toast_in_its_own_words(
    stage: OpenStage, error: KafkaError | RefusedError
) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["offsets.undo"] = error
        await on.press("u")
        assert on.toasts() == [str(error)]


async def test_any_other_error_is_not_swallowed(stage: OpenStage) -> None:
    async def run_it() -> None:
        async with stage(worlds.busy()) as on:
            on.lab.answers["offsets.undo"] = ZeroDivisionError("a bug")
            await on.press("u")

    with pytest.raises(Exception, match="a bug"):
        await run_it()


async def test_single_keys_never_fire_while_somebody_types(stage: OpenStage) -> None:
    async with stage() as on:
        field = Input()
        opened: list[Context] = []

        async def remember(context: Context) -> None:
            opened.append(context)

        on.app.mode.open = remember  # type: ignore[method-assign]
        await on.app.mode.mount(field)
        field.focus()
        await on.press("enter")
        assert not opened
        await on.press("2", "q", "space", "x", "less_than_sign")
        assert field.value == "2q x<"
        assert on.app.mode.kind == "lab"
        assert on.app.is_running
        assert not on.lab.clock.paused


async def test_space_stops_the_world_and_lets_it_go_on(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("space")
        assert on.lab.clock.paused
        await on.press("space")
        assert not on.lab.clock.paused


async def test_a_step_stops_the_world_and_then_lets_a_moment_pass(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("full_stop")
        assert on.lab.clock.paused
        assert not on.lab.called("stepping.step")
        await on.press("full_stop", "full_stop")
        assert len(on.lab.called("stepping.step")) == 2
        await on.press("comma")
        assert len(on.lab.called("stepping.to_next_event")) == 1


async def test_time_goes_slower_and_faster_in_steps(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("greater_than_sign", "greater_than_sign")
        assert on.lab.clock.speed == 4
        await on.press("less_than_sign", "less_than_sign", "less_than_sign")
        assert on.lab.clock.speed == 0.5


async def test_looking_at_another_topic_and_group(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("right_square_bracket")
        scene = on.app.take_scene()
        assert scene is not None
        assert scene.topic is not None
        assert scene.topic.name == "payments"
        await on.press("right_curly_bracket")
        assert on.app.look.group


async def test_the_footer_shows_what_can_be_done_where_the_cursor_is(stage: OpenStage) -> None:
    async with stage(worlds.empty(), size=(120, 36)) as on:
        footer = on.lines()[-1]
        assert "n new topic" in footer
        assert "p producer" not in footer
        assert "1 Lab" in footer
        on.lab.world = worlds.first()
        on.app.mode.tick()
        await on.settle()
        assert "p producer" in on.lines()[-1]


async def test_in_a_narrow_footer_there_is_room_for_what_makes_the_world(stage: OpenStage) -> None:
    async with stage(size=(80, 24)) as on:
        footer = on.lines()[-1]
        for said in ("+ - pace", "x stop", "X crash", "p producer", "1 Lab"):
            assert said in footer


async def test_a_click_in_the_footer_is_as_good_as_the_key(stage: OpenStage) -> None:
    async with stage(size=(120, 36)) as on:
        column = on.lines()[-1].index("2 Records")
        await on.pilot.click(offset=(column + 3, 35))
        await on.settle()
        assert on.app.mode.kind == "records"


async def test_the_palette_lists_what_is_disabled_with_the_reason_last(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("ctrl+p")
        await on.press(*"stop")
        await on.pilot.pause(0.2)
        text = on.text()
        assert "Stop  x" in text
        assert "Select a producer or a consumer of this lab first." in text


@pytest.mark.parametrize("keys", [("n",), ("3", "v"), ("K",), ("0",)])
async def test_over_a_dialog_the_palette_waits_until_that_is_closed(stage: OpenStage, keys: tuple[str, ...]) -> None:
    async with stage(worlds.busy()) as on:
        await on.press(*keys)
        dialog = on.app.screen
        await on.press("ctrl+p")
        assert on.app.screen is dialog
        assert on.toasts() == ["Close this first (esc)."]


async def test_from_the_help_the_palette_is_a_key_away(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("question_mark", "ctrl+p")
        assert isinstance(on.app.screen, CommandPalette)
        await on.press("escape")
        assert on.app.screen_stack == [on.app.mode]


async def test_help_is_made_from_the_table_and_esc_leaves_it(stage: OpenStage) -> None:
    async with stage(size=(120, 60)) as on:
        await on.press("question_mark")
        text = on.text()
        assert "What the keys do" in text
        assert "Spawns a producer" in text
        assert "not now: There is nothing to undo" in text or "not now" in text
        await on.press("escape")
        assert on.app.screen is on.app.mode


async def test_a_screenshot_is_saved_beside_the_lab_and_its_path_is_said(stage: OpenStage, tmp_path: object) -> None:
    async with stage(beside=tmp_path) as on:
        await on.press("ctrl+s")
        saved = list(tmp_path.glob("first-*.svg"))  # type: ignore[attr-defined]
        assert len(saved) == 1
        assert saved[0].read_text().startswith("<svg")
        assert str(saved[0]) in on.toasts()[0]


def test_the_sample_worlds_hold_what_the_pictures_need() -> None:
    busy = worlds.busy()
    states = {consumer.state for consumer in busy.consumers}
    assert {ClientState.CRASHED, ClientState.HUNG, ClientState.RUNNING} <= states
    assert sum(len(topic.partitions) for topic in busy.topics if not topic.internal) >= 12
