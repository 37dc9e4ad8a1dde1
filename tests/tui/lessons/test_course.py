"""What the lessons say, and what each step sees, on worlds that hold still."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from engine.events import OffsetsChanged
from engine.snapshot import ClientState, ConsumerView, GroupLedger, LedgerView, ProducerLedger, World
from engine.types import TopicPartition
from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.actions import TABLE
from tui.lessons.course import COURSE
from tui.lessons.lesson import Lesson, Moment, Reading, told
from tui.lessons.words import WORDS
from tui.painting.lessons import Told, paint_guide
from tui.painting.palette import palette_from
from tui.scene import Look, Scene, Written

P0, P3 = TopicPartition("orders", 0), TopicPartition("orders", 3)
PALETTE = palette_from(DEFAULTS)


def at(world: World, mode: str = "lab", written: Written | None = None, reading: Reading | None = None) -> Moment:
    return Moment(Scene(world, (), Look(written=written)), mode, reading or Reading())


def sees(lesson: str, step: int, before: Moment, now: Moment) -> str:
    """What the step of that number (from 1 on) sees."""
    found = next(each for each in COURSE if each.title == lesson).steps[step - 1].seen
    assert found is not None
    return found(before, now)


# Words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lesson", COURSE, ids=lambda each: each.title)
def test_what_is_to_be_done_fits_above_the_lab_even_where_it_is_small(lesson: Lesson) -> None:
    scene = Scene(worlds.first())
    for step in lesson.steps:
        words = told(step.say, scene)
        assert "{" not in words.replace("`{`", "")
        assert len(paint_guide(Told(lesson.title, words, "lessons", "step 1 of 5"), 80, PALETTE)) <= 5


@pytest.mark.parametrize("lesson", COURSE, ids=lambda each: each.title)
def test_every_key_that_is_named_is_one_of_the_program(lesson: Lesson) -> None:
    known = {key for action in TABLE.actions for key in action.keys} | {"key:customer-42", "7"}
    for step in lesson.steps:
        assert set(re.findall(r"`([^`]+)`", told(step.say, Scene(worlds.first())))) <= known


def test_names_are_data_in_a_lesson_too() -> None:
    world = worlds.first()
    odd = replace(world, groups=(replace(world.groups[0], group_id="`x` *y*\x1b{z}"),))
    words = told("The group {group}.", Scene(odd))
    assert words == "The group ˋxˋ ∗y∗␛{z}."


def test_every_word_is_explained_once_in_a_sentence() -> None:
    words = [word for heading in WORDS.values() for word in heading]
    assert len(words) == len(set(words))
    assert all(meaning.endswith((".", ")")) for heading in WORDS.values() for meaning in heading.values())


# Records -----------------------------------------------------------------------------------------------------


def test_a_record_written_by_hand_is_seen_with_its_place() -> None:
    before, world = at(worlds.first()), worlds.first()
    assert not sees("A record", 1, before, at(world))
    assert "partition 3 at offset 118" in sees("A record", 1, before, at(world, written=Written(P3, 118, "a")))
    assert not sees("A record", 1, before, at(world, written=Written(P3, -1, "a"))), "with acks=0 nobody is told"


def test_only_the_same_partition_again_shows_that_a_key_keeps_it() -> None:
    world, title = worlds.first(), "A key stays in one partition"
    first = at(world, written=Written(P3, 5, "a"))
    assert "P3 again, at 9 after 5" in sees(title, 2, first, at(world, written=Written(P3, 9, "a")))
    assert not sees(title, 2, first, at(world, written=Written(P0, 9, "b")))
    assert not sees(title, 3, first, at(world, written=Written(P3, 9, "a"))), "that is the same key"
    assert "b leads to P0: another key, another partition" in sees(
        title, 3, first, at(world, written=Written(P0, 9, "b"))
    )
    assert "b leads to P3, too" in sees(title, 3, first, at(world, written=Written(P3, 9, "b")))


def test_a_key_is_looked_for_in_all_partitions() -> None:
    world, title = worlds.first(), "A key stays in one partition"
    for reading, seen in (
        (Reading(True, "key:customer-42"), True),
        (Reading(False, "key:customer-42"), False),
        (Reading(True, ""), False),
    ):
        assert bool(sees(title, 4, at(world), at(world, "records", reading=reading))) is seen


def test_one_key_for_all_is_seen_by_its_first_acknowledged_record_and_until_it_is_stopped() -> None:
    world, title = worlds.first(), "No key, and one key for all"
    hot = worlds.producer("hot", "orders", 20.0, keys="one key: everybody")
    running = replace(world, producers=(*world.producers, hot))
    assert not sees(title, 2, at(world), at(replace(world, producers=(*world.producers, replace(hot, acked=0)))))
    assert "Everything hot sends" in sees(title, 2, at(world), at(running))
    assert not sees(title, 3, at(running), at(running))
    stopped = replace(world, producers=(*world.producers, replace(hot, state=ClientState.STOPPED)))
    assert sees(title, 3, at(running), at(stopped))
    assert sees(title, 3, at(running), at(world))


# Groups ------------------------------------------------------------------------------------------------------


def _fewer(world: World, state: ClientState) -> World:
    """The second member of billing is gone, and its partitions are the first's."""
    billing = world.groups[0]
    stays, gone = billing.members
    offsets = tuple(replace(each, owner=stays.member_id) for each in billing.offsets)
    left = replace(billing, members=(stays,), offsets=offsets)
    consumers = tuple(replace(each, state=state) if each.name == gone.client_id else each for each in world.consumers)
    return replace(world, groups=(left,), consumers=consumers)


def test_a_member_that_was_stopped_is_told_from_one_that_crashed() -> None:
    world, title = worlds.first(), "A group shares the work"
    assert "It said goodbye" in sees(title, 3, at(world), at(_fewer(world, ClientState.STOPPED)))
    assert not sees(title, 3, at(world), at(_fewer(world, ClientState.CRASHED)))


def test_more_members_are_seen_once_every_partition_has_its_reader() -> None:
    world, title = worlds.first(), "A group shares the work"
    before = at(_fewer(world, ClientState.STOPPED))
    assert "2 members, 6 partitions" in sees(title, 1, before, at(world))
    billing = world.groups[0]
    unowned = replace(billing, offsets=(replace(billing.offsets[0], owner=None), *billing.offsets[1:]))
    assert not sees(title, 1, before, at(replace(world, groups=(unowned,))))


def test_a_lag_is_what_was_not_even_read() -> None:
    world, title = worlds.first(), "Each at its own pace"
    billing = world.groups[0]
    ends = {log.tp: log.high_watermark for log in world.topics[0].partitions}
    near = replace(billing, offsets=tuple(replace(each, position=ends[each.tp]) for each in billing.offsets))
    caught_up = replace(world, groups=(near,))
    slowed = replace(world, consumers=tuple(replace(each, processing_ms=2_000) for each in world.consumers))
    assert "records wait to be read" in sees(title, 1, at(caught_up), at(slowed))
    assert not sees(title, 1, at(caught_up), at(world)), "nobody became slower"
    assert not sees(title, 1, at(world), at(slowed))
    assert sees(title, 2, at(world), at(caught_up))
    assert not sees(title, 2, at(world), at(world))


def _crashed(world: World) -> tuple[ConsumerView, ...]:
    return tuple(
        replace(each, state=ClientState.CRASHED) if each.name == "billing-2" else each for each in world.consumers
    )


def test_a_crash_is_seen_at_once_and_its_end_when_the_member_is_dropped() -> None:
    world, title = worlds.first(), "Offsets, and what a crash repeats"
    silent = replace(world, consumers=_crashed(world))
    assert "reads its 3 partitions" in sees(title, 1, at(world), at(silent))
    assert not sees(title, 2, at(silent), at(silent)), "its session has still to run out"
    dropped = _fewer(world, ClientState.CRASHED)
    assert "*committed*" in sees(title, 2, at(silent), at(dropped))
    counted = replace(dropped, ledger=LedgerView(groups=(GroupLedger("billing", 900, 42, 0, 0),)))
    assert "42 records so far" in sees(title, 2, at(silent), at(counted))
    assert "a new member" in sees(title, 3, at(dropped), at(world))
    assert not sees(title, 3, at(dropped), at(dropped))


def test_offsets_that_were_moved_and_put_back_are_seen() -> None:
    world, title = worlds.first(), "Offsets, and what a crash repeats"
    moved = OffsetsChanged(at_ms=world.now_ms + 1, subject="billing", again=5, skipped=0, partitions=1)
    before = at(world)
    assert not sees(title, 4, before, replace(before, scene=replace(before.scene, events=(moved,))))
    undone = replace(moved, undone=True)
    assert sees(title, 4, before, replace(before, scene=replace(before.scene, events=(moved, undone))))


# Copies ------------------------------------------------------------------------------------------------------


def test_a_broker_is_seen_to_die_to_be_replaced_and_to_come_back() -> None:
    title = "A broker dies"
    broken = worlds.broken()
    whole = replace(broken, brokers=tuple(replace(each, alive=True) for each in broken.brokers))
    dead = next(each.broker_id for each in broken.brokers if not each.alive)
    assert f"Broker {dead} told nobody" in sees(title, 2, at(whole), at(broken))
    assert not sees(title, 2, at(broken), at(broken))
    topic = broken.topics[0]
    led = tuple(replace(log, leader=dead % 3 + 1) for log in topic.partitions)
    replaced = replace(broken, topics=(replace(topic, partitions=led), *broken.topics[1:]))
    assert sees(title, 3, at(broken), at(replaced))
    by_the_dead = (replace(led[0], leader=dead), *led[1:])
    assert not sees(
        title, 3, at(broken), at(replace(broken, topics=(replace(topic, partitions=by_the_dead), *broken.topics[1:])))
    )
    assert not sees(title, 4, at(broken), at(broken))
    synced = tuple(replace(log, isr=log.replicas) for log in topic.partitions)
    assert sees(title, 4, at(broken), at(replace(whole, topics=(replace(topic, partitions=synced), *whole.topics[1:]))))


def _counted(world: World, acks: str, acked: int, lost: int, unacked: int = 0) -> World:
    book = ProducerLedger(f"acks-{acks}-by-hand", acks, 1, acked, lost, unacked)
    return replace(world, ledger=LedgerView(producers=(book,)))


def test_an_acknowledgement_is_worth_what_the_ledger_counts() -> None:
    world, title = replace(worlds.broken(), ledger=LedgerView()), "What an acknowledgement is worth"
    assert not sees(title, 1, at(world), at(_counted(world, "1", 1, 0)))
    assert "Acknowledged, and lost" in sees(title, 1, at(world), at(_counted(world, "1", 1, 1)))
    topic = world.topics[0]
    logs = tuple(replace(log, leader_epoch=log.leader_epoch + 1) for log in topic.partitions)
    elected = replace(world, topics=(replace(topic, partitions=logs), *world.topics[1:]))
    assert not sees(title, 2, at(world), at(_counted(world, "all", 1, 0))), "no leader has died yet"
    assert "Acknowledged, and kept" in sees(title, 2, at(world), at(_counted(elected, "all", 1, 0)))
    assert not sees(title, 2, at(world), at(_counted(elected, "all", 1, 1)))
    assert not sees(title, 3, at(world), at(_counted(world, "0", 0, 0)))
    assert "in good faith" in sees(title, 3, at(world), at(_counted(world, "0", 0, 0, unacked=1)))
