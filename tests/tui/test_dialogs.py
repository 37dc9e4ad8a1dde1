from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import InvalidTopicError
from engine.types import RecordMetadata, TopicPartition
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.dialogs.clients import NewConsumer, NewProducer, free_group_name
from tui.dialogs.confirm import Confirm
from tui.dialogs.form import Form
from tui.dialogs.reading import FormError, byte_count, decimal, in_units, milliseconds, whole
from tui.dialogs.record import ProduceRecord
from tui.dialogs.settings import TopicSettings
from tui.dialogs.topics import GrowTopic, NewTopic, free_topic_name, lost_with
from tui.painting.text import wrap
from tui.panels.lab.members import Members
from tui.scene import Scene


def form(on: Stage) -> Form[Any]:
    """The form on the screen."""
    assert isinstance(on.app.screen, Form)
    return on.app.screen


def is_closed(on: Stage) -> bool:
    return on.app.screen is on.app.mode


async def test_n_and_enter_make_a_topic(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("n", "enter")
        assert on.lab.calls == [("create_topic", ("orders",), {"partitions": 6, "replication_factor": 3, "config": {}})]
        assert is_closed(on)
        assert on.app.look.topic == "orders"


async def test_p_and_enter_start_a_producer(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("p", "enter")
        assert on.lab.called("workload.spawn_producer") == [(ProducerSpec("orders", keys=KeyRule("zipf", 100)),)]
        assert is_closed(on)


async def test_c_and_enter_start_a_consumer_in_the_group_looked_at(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("c", "enter")
        (spec,) = on.lab.called("workload.spawn_consumer")[0]
        assert spec == ConsumerSpec("billing", ("orders",), processing_ms=20)


async def test_o_and_enter_start_a_group_of_its_own(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("o", "enter")
        (spec,) = on.lab.called("workload.spawn_consumer")[0]
        assert spec.group_id not in {group.group_id for group in worlds.busy().groups}


async def test_a_producer_with_a_transactional_id_is_asked_for_its_transactions(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("p")
        assert not on.app.screen.query_one("#row-together").display
        form(on).fill("transactional", "till")
        await on.pilot.pause()
        assert on.app.screen.query_one("#row-together").display
        assert "Transactions: 50 records each, 1 of 4 aborted." in form(on).consequence(form(on).values())
        form(on).fill("aborts", "none")
        await on.press("enter")
        assert "a whole number from 0" in on.words()
        form(on).fill("aborts", "2")
        form(on).fill("together", "10")
        await on.press("enter")
        [spec] = on.lab.called("workload.spawn_producer")[0]
        assert (spec.transactional_id, spec.records_per_transaction, spec.abort_every) == ("till", 10, 2)


async def test_a_producer_without_acks_all_sends_without_transactions(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("p")
        form(on).fill("transactional", "till")
        form(on).fill("acks", "1")
        await on.press("enter")
        [spec] = on.lab.called("workload.spawn_producer")[0]
        assert (spec.transactional_id, spec.acks) == ("", "1")


async def test_t_and_enter_start_a_processor_and_make_the_topic_it_writes_to(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("t", "enter")
        assert on.lab.calls[0][:2] == ("create_topic", ("orders-done", 6, 1))
        (spec,) = on.lab.called("workload.spawn_consumer")[0]
        assert (spec.topics, spec.writes_to, spec.transactional) == (("orders",), "orders-done", True)
        assert spec.isolation_level == "read_committed"


async def test_a_processor_that_would_read_what_it_writes_is_refused_in_place(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("t")
        form(on).fill("writes", "orders")
        await on.press("enter")
        assert not is_closed(on)
        form(on).fill("writes", "done")
        form(on).fill("transactions", "off")
        assert "write some records again" in form(on).consequence(form(on).values())
        await on.press("escape")
        assert not on.lab.calls


async def test_esc_makes_nothing(stage: OpenStage) -> None:
    async with stage() as on:
        for key in ("n", "p", "c", "o", "e", "a", "i", "K"):
            await on.press(key)
            assert not is_closed(on)
            await on.press("escape")
            assert is_closed(on)
        assert not on.lab.calls


async def test_what_is_filled_in_is_what_the_verb_gets(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("n")
        filled = {"name": "audit", "partitions": "3", "min.insync.replicas": "2", "cleanup.policy": "compact"}
        for name, value in filled.items():
            form(on).fill(name, value)
        await on.press("enter")
        assert on.lab.calls[0][1:] == (
            ("audit",),
            {
                "partitions": 3,
                "replication_factor": 3,
                "config": {"cleanup.policy": "compact", "min.insync.replicas": "2"},
            },
        )


async def test_times_and_sizes_may_be_written_with_units(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("n")
        form(on).fill("retention.ms", "90s")
        form(on).fill("retention.bytes", "10MB")
        await on.press("enter")
        assert on.lab.calls[0][2]["config"] == {"retention.ms": "90000", "retention.bytes": "10000000"}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("name", "or ders", "letters, digits"),
        ("name", "", "needs a name"),
        ("name", "orders", "already"),
        ("partitions", "0", "from 1"),
        ("partitions", "many", "a whole number"),
        ("retention.ms", "soon", "10m"),
    ],
)
async def test_what_makes_no_sense_is_said_in_place_and_nothing_is_called(
    stage: OpenStage, name: str, value: str, words: str
) -> None:
    async with stage() as on:
        await on.press("n")
        form(on).fill(name, value)
        await on.press("enter")
        assert not is_closed(on)
        assert words in on.words()
        assert not on.lab.calls
        assert on.app.focused is not None
        assert on.app.focused.id == f"field-{name.replace('.', '-')}"


async def test_when_the_lab_refuses_its_words_are_shown_and_the_form_stays_as_it_was(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["create_topic"] = InvalidTopicError("collides with [a.b]")
        await on.press("n")
        form(on).fill("name", "a_b")
        await on.press("enter")
        assert not is_closed(on)
        assert "collides with [a.b]" in on.words()
        assert form(on).values()["name"] == "a_b"
        on.lab.answers.clear()
        await on.press("enter")
        assert is_closed(on)


async def test_fields_are_asked_only_when_they_matter(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("p")
        assert "how many keys" in on.words()
        form(on).fill("keys", "none")
        await on.settle()
        assert "how many keys" not in on.words()
        assert "in no order between them" in on.words()


async def test_a_choice_is_changed_by_arrows_letters_and_the_mouse(stage: OpenStage) -> None:
    async with stage(size=(120, 40)) as on:
        await on.press("n", "tab", "tab", "tab", "tab", "right")
        assert form(on).values()["cleanup.policy"] == "compact"
        await on.press("d")
        assert form(on).values()["cleanup.policy"] == "delete"
        row = next(at for at, line in enumerate(on.lines()) if "LogAppendTime" in line)
        await on.pilot.click(offset=(on.lines()[row].index("LogAppendTime") + 2, row))
        assert form(on).values()["message.timestamp.type"] == "LogAppendTime"


async def test_growing_tells_what_becomes_of_keys_and_never_shrinks(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("a")
        assert "order holds only from then on" in on.words()
        form(on).fill("total", "6")
        await on.press("enter")
        assert "cannot shrink" in on.words()
        form(on).fill("total", "12")
        await on.press("enter")
        assert on.lab.called("create_partitions") == [("orders", 12)]


async def test_deleting_a_topic_says_what_is_lost_first(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("K")
        text = on.words()
        assert "60,538 records" in text
        assert "committed offsets of billing" in text
        assert not on.lab.calls
        await on.press("enter")
        assert on.lab.called("delete_topic") == [("orders",)]


def test_what_is_lost_names_producers_groups_and_records() -> None:
    busy = worlds.busy()
    clicks = busy.topic("clicks")
    assert clicks is not None
    said = lost_with(clicks, busy)
    assert said[0].startswith("3 partitions with 86,782 records")
    assert said[1] == "click-1 will have nowhere to send to."
    assert said[2].startswith("3 committed offsets of search will be forgotten")
    assert said[-1] == "This cannot be undone."


async def test_one_record_goes_where_its_key_leads(stage: OpenStage) -> None:
    tp = TopicPartition("orders", 3)
    async with stage() as on:
        on.lab.answers["browser.produce"] = RecordMetadata("orders", 3, tp, 12_127, 0, 0, 0)
        await on.press("e")
        assert "murmur2 of the key" in on.words()
        form(on).fill("key", "customer-7")
        form(on).fill("headers", "trace=7f3a, by=hand")
        await on.press("enter")
        assert on.lab.called("browser.produce") == [
            ("orders", b"customer-7", b'{"hello": "world"}', (("trace", b"7f3a"), ("by", b"hand")), None, "all")
        ]
        assert any("offset 12,127" in toast for toast in on.toasts())


@pytest.mark.parametrize(
    ("kind", "text", "bytes_sent"),
    [("null", "x", None), ("hex", "48 ff", b"H\xff"), ("JSON", "[1]", b"[1]"), ("text", "héllo", "héllo".encode())],
)
async def test_a_value_can_be_text_json_bytes_or_nothing(
    stage: OpenStage, kind: str, text: str, bytes_sent: bytes | None
) -> None:
    async with stage() as on:
        await on.press("e")
        form(on).fill("kind", kind)
        form(on).fill("value", text)
        await on.press("enter")
        assert on.lab.called("browser.produce")[0][2] == bytes_sent


@pytest.mark.parametrize(
    ("name", "kind", "value", "words"),
    [
        ("value", "JSON", "{", "not JSON"),
        ("value", "hex", "4", "Hex bytes"),
        ("headers", "text", "trace", "name=value"),
    ],
)
async def test_a_record_that_makes_no_sense_is_not_written(
    stage: OpenStage, name: str, kind: str, value: str, words: str
) -> None:
    async with stage() as on:
        await on.press("e")
        form(on).fill("kind", kind)
        form(on).fill(name, value)
        await on.press("enter")
        assert words in on.words()
        assert not on.lab.calls


async def test_settings_set_only_what_was_changed_and_none_for_a_default(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("i")
        assert "Nothing is changed yet." in on.words()
        form(on).fill("retention.ms", "604800000")
        form(on).fill("max.message.bytes", "2000")
        await on.press("enter")
        assert on.lab.called("alter_topic_config") == [("orders", {"retention.ms": None, "max.message.bytes": "2000"})]


async def test_a_setting_that_is_not_accepted_is_said_in_place(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("i")
        form(on).fill("min.cleanable.dirty.ratio", "2")
        await on.press("enter")
        assert "min.cleanable.dirty.ratio cannot be '2'" in on.words()
        assert not on.lab.calls


async def test_a_consumer_is_told_what_its_group_will_do(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("c")
        assert "3 members will share 6 partitions" in on.words()
        form(on).fill("group", "audit")
        await on.settle()
        assert "audit is a new group" in on.words()
        form(on).fill("topics", "orders, nosuch")
        await on.press("enter")
        assert "There is no topic 'nosuch'" in on.words()
        assert not on.lab.calls


async def test_hostile_names_are_shown_as_they_are_and_break_nothing(stage: OpenStage) -> None:
    async with stage(worlds.hostile(), size=(80, 24)) as on:
        for key in ("n", "p", "c", "K"):
            await on.press(key)
            assert not is_closed(on)
            assert "\x1b" not in on.words()
            await on.press("escape")


def test_names_are_suggested_that_are_free() -> None:
    assert free_topic_name(worlds.first()) == "payments"
    assert free_topic_name(worlds.empty()) == "orders"
    assert free_group_name(worlds.first()) == "shipping"


def test_every_hint_fits_the_two_lines_it_has_at_80_columns() -> None:
    scene = Scene(worlds.busy())
    orders = scene.topic
    assert orders is not None
    forms: list[Form[Any]] = [
        NewTopic(scene), GrowTopic(scene, orders), NewProducer(scene), NewConsumer(scene, "billing"),
        ProduceRecord(scene, "orders"), TopicSettings(scene, orders),
    ]  # fmt: skip
    for each in forms:
        for field in each.fields():
            assert len(wrap(field.hint, 68)) <= 2, (type(each).__name__, field.name)


def test_what_is_typed_is_read_with_care() -> None:
    assert whole({"n": " 1,000 "}, "n", "n") == 1_000
    assert decimal({"n": "0.5"}, "n", "n") == 0.5
    assert milliseconds({"t": "1.5h"}, "t", "t") == 5_400_000
    assert milliseconds({"t": "-1"}, "t", "t", -1) == -1
    assert byte_count({"b": "500 kB"}, "b", "b") == 500_000
    assert in_units(604_800_000) == "7d"
    assert in_units(1_500) == "1500"
    assert in_units(-1) == "-1"
    for text in ("nan", "inf", "1e999", "", "٣x"):
        with pytest.raises(FormError):
            decimal({"n": text}, "n", "n", 0, 10)
        with pytest.raises(FormError):
            milliseconds({"n": text}, "n", "n")


async def test_of_each_topic_of_kafkas_own_it_is_said_what_it_holds(stage: OpenStage) -> None:
    own = [worlds.topic(name, (3, 0), internal=True) for name in ("__consumer_offsets", "__transaction_state")]
    for topic, holds in zip(own, ("which offsets groups have committed", "how far every transaction"), strict=True):
        async with stage(worlds.world(topics=(topic,))) as on:
            members, scene = on.app.mode.query_one(Members), on.app.take_scene()
            assert scene is not None
            assert holds in members.nothing(scene)
            await on.press("e")
            assert [holds in toast for toast in on.toasts()] == [True]


@pytest.mark.parametrize("key", ["c", "p", "n", "e", "y", "i", "t"])
async def test_the_keys_of_a_form_never_leave_a_small_screen(stage: OpenStage, key: str) -> None:
    async with stage(size=(80, 24)) as on:
        await on.press(key)
        assert "esc cancel" in on.words()
        await on.press(*["down"] * 20)
        assert "esc cancel" in on.words()


async def test_what_was_confirmed_is_carried_through_before_the_dialog_can_be_left(stage: OpenStage) -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def delete(_: str) -> None:
        await may_end.wait()
        ended.set()

    async with stage() as on:
        on.lab.__dict__["delete_topic"] = delete
        await on.press("K", "enter", "escape")
        assert isinstance(on.app.screen, Confirm)
        may_end.set()
        await on.settle()
        assert ended.is_set()
        assert not isinstance(on.app.screen, Confirm)
