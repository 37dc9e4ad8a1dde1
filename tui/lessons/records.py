"""Lessons about records: what one is, where a key leads it, and where it goes without one."""

from __future__ import annotations

from engine.snapshot import ClientState, ProducerView
from tui.lessons.lesson import Lesson, Moment, Step, a_topic, named, records_that_flow
from tui.lessons.seeing import written
from tui.painting.text import number

_ONE = "one key"
"""How the rule of a producer with one key begins."""


# A record ----------------------------------------------------------------------------------------------------


def _has_an_offset(before: Moment, now: Moment) -> str:
    record = written(before, now)
    if record is None or record.offset < 0:
        return ""
    return (
        f"Your record lies in partition {record.tp.partition} at offset {number(record.offset)}, its number there for "
        "ever. Each partition is a log of its own: written at the end, numbered from 0."
    )


def _is_shown(before: Moment, now: Moment) -> str:
    if now.mode != "records":
        return ""
    return (
        "A key, a value, a timestamp, perhaps headers; key and value are mere bytes to Kafka. Reading takes nothing "
        "away: records stay until their retention is over, 7 days unless the topic says otherwise (`i`)."
    )


def _is_in_a_lane(before: Moment, now: Moment) -> str:
    if now.mode != "lab":
        return ""
    group = named(now.group.group_id) if now.group else "a group"
    return (
        f"A lane is a partition, its newest records on the right. What {group} has committed is low, what it has read "
        "is higher, what waits to be read is highest. `d` on a lane says it in figures."
    )


RECORD = Lesson(
    "A record",
    "Producers publish records (key, value, timestamp) to a topic; each gets an offset in one of its partitions.",
    (
        Step(
            "Data flows from left to right: producers, the partitions of the topic {topic}, consumers. Write a record "
            "yourself: `e` opens a form that is filled in already, `enter` sends it.",
            _has_an_offset,
        ),
        Step("`2` shows the records, yours under the cursor.", _is_shown),
        Step("`1` leads back to the Lab.", _is_in_a_lane),
    ),
    a_topic,
)


# A key -------------------------------------------------------------------------------------------------------


def _has_a_partition(before: Moment, now: Moment) -> str:
    record = written(before, now)
    if record is None or record.key is None:
        return ""
    count = len(now.topic.partitions) if now.topic else 0
    return (
        f"{named(record.key)} leads to P{record.tp.partition}: murmur2(key) mod {count}. The producer reckons it "
        "itself, without asking a broker, so every producer with this rule comes to the same."
    )


def _keeps_its_partition(before: Moment, now: Moment) -> str:
    first, record = before.scene.look.written, written(before, now)
    if record is None or first is None or record.tp != first.tp:
        return ""
    return (
        f"P{record.tp.partition} again, at {number(record.offset)} after {number(first.offset)}. Records of one key "
        "keep the order they were sent in, for they stand in one log and have one reader at a time."
    )


def _is_another_key(before: Moment, now: Moment) -> str:
    first, record = before.scene.look.written, written(before, now)
    if record is None or record.key is None or (first is not None and record.key == first.key):
        return ""
    where = f"{named(record.key)} leads to P{record.tp.partition}"
    if first is not None and record.tp == first.tp:
        return f"{where}, too: keys share partitions. What matters is that none is ever in two."
    return f"{where}: another key, another partition. Between partitions there is no order."


def _is_filtered(before: Moment, now: Moment) -> str:
    if now.mode != "records" or not now.reading.merged or "key:" not in now.reading.filter:
        return ""
    return (
        "Look down the column of partitions: each key stands in one of them, in the order it was sent. On the right, "
        "*why here* says what led it there."
    )


def _would_be_spread_anew(before: Moment, now: Moment) -> str:
    if now.mode != "lab":
        return ""
    return (
        "And if the topic grows (`a`)? The key is reckoned modulo another number, so from then on it may lead "
        "elsewhere, while its older records stay: its order is broken once. Choose enough partitions at the start."
    )


KEY = Lesson(
    "A key stays in one partition",
    "A key always leads to the same partition, so the order of its records holds.",
    (
        Step(
            "Send a record with a key: `e` `enter`. Before you send it, the form says where the key leads.",
            _has_a_partition,
        ),
        Step("The same once more: `e` `enter`.", _keeps_its_partition),
        Step("And another key: `e`, `tab` to the key, type `7` behind it, `enter`.", _is_another_key),
        Step(
            "See them in the log: `2`, `left` as far as *all by time*, then `/`, type `key:customer-42`, `enter`.",
            _is_filtered,
        ),
        Step("`escape` shows everything again, `1` the Lab.", _would_be_spread_anew),
    ),
    a_topic,
)


# No key ------------------------------------------------------------------------------------------------------


def _has_no_key(before: Moment, now: Moment) -> str:
    if now.mode != "records" or not now.reading.merged:
        return ""
    return (
        "A – stands for no key. Any partition will do: a producer fills a batch for one, then the next for another. "
        "All partitions get their share, and the order of sending is lost."
    )


def _one_key(moment: Moment) -> list[ProducerView]:
    return [each for each in moment.world.producers if each.keys.startswith(_ONE)]


def _runs_hot(before: Moment, now: Moment) -> str:
    known = {each.name for each in before.world.producers}
    hot = next((each for each in _one_key(now) if each.name not in known and each.acked), None)
    if hot is None:
        return ""
    return (
        f"Everything {named(hot.name)} sends goes into one partition, and one member of each group has to read it all. "
        "More partitions or more consumers change nothing: a hot key is a hot partition."
    )


def _is_over(before: Moment, now: Moment) -> str:
    if any(each.state is ClientState.RUNNING for each in _one_key(now)):
        return ""
    return "So: a key where the order of its records matters, with many different values. None where it does not."


NO_KEY = Lesson(
    "No key, and one key for all",
    "Without a key records are spread over the partitions; with a single key they all go into one.",
    (
        Step("`2` shows the records of a partition; `left`, as far as *all by time*, those of all.", _has_no_key),
        Step(
            "Now the contrary. `1`, `p` for another producer, `tab` `tab` to *keys*, `left` `left` to *one*, `enter`. "
            "Watch the lanes.",
            _runs_hot,
        ),
        Step("Enough: go to that producer with `down`, `x` stops it and `D` removes it.", _is_over),
    ),
    records_that_flow,
)
