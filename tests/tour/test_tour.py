"""The tour of docs/tour.md, taken by keys in the real program, and read off the screen as a person would.

Each function is one step of the tour, under its heading; a test sees that they press what the page says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.tour import seen
from tests.tour.readme import tour
from tests.tour.terminal import Terminal, opened

LAB = "shop"


def look(on: Terminal) -> None:
    on.until(lambda: seen.stable(on, 2) and seen.shares(on) == [3, 3], "two consumers with three partitions each")
    on.shows("web-1 → orders", "web-2 → orders")
    on.until(lambda: seen.header(on, "in") > 30 and seen.header(on, "out") > 0, "records that flow in and out")


def a_key_stays_in_one_partition(on: Terminal) -> None:
    on.press("2")
    on.shows("live", "follow")
    on.press("left")
    on.shows("orders, all by time")
    on.until(lambda: {"–"} < _keys(on), "records with and without a key")
    on.press("/")
    on.shows("header:…, offset:>=n")
    on.type("key:customer-1")
    on.press("enter")
    on.until(lambda: "/ key:customer-1" in on.text and len(_rows(on)) >= 3, "records of one key")
    on.until(lambda: all("customer-1" in row for row in _rows(on)), "nothing but that key")
    of = {key: {row.split()[0] for row in _rows(on) if f" {key} " in row} for key in _keys(on)}
    assert all(len(partitions) == 1 for partitions in of.values()), of
    on.shows("why here murmur2(key) mod 6 =")
    on.press("escape")
    on.until(lambda: "/ key" not in on.text, "everything again")


def _rows(on: Terminal) -> list[str]:
    """Records in view, each from its partition on."""
    return [found[1] for line in on.lines if (found := re.match(r"│[▸ ][▎▌▊ ] (P\d .*?)│", line))]


def _keys(on: Terminal) -> set[str]:
    return {row.split()[3] for row in _rows(on) if len(row.split()) > 3}


def a_third_consumer(on: Terminal) -> None:
    on.press("1")
    _spawn(on)
    on.shows("joined billing. 3 members share the partitions from now on.")
    on.until(lambda: seen.stable(on, 3) and seen.shares(on) == [2, 2, 2], "three members with two partitions each")
    assert seen.generation(on) == 2


def one_too_many(on: Terminal) -> None:
    for _ in range(4):
        _spawn(on)
    on.until(lambda: seen.stable(on, 7) and seen.shares(on) == [1] * 6, "seven members, of whom six own a partition")
    on.shows("idle: 6 partitions")


def crash_one(on: Terminal) -> None:
    before = seen.generation(on)
    on.press("tab", "tab")
    on.until(lambda: re.search(r"│▸A \S", on.text), "the cursor on the first member")
    victim = seen.members(on)["A"]
    on.press("X")
    on.shows(f"{victim} crashed: no goodbye was sent.", "will be delivered again")
    on.press(">", ">")
    on.shows("4×")
    on.until(lambda: re.search(r"♡", on.text) and re.search(r"\d\.\d s left", on.text), "a session that runs down")
    on.shows(f"{victim} was dropped from billing: its session of 10.0 s ran out")
    on.until(lambda: seen.stable(on, 6) and seen.generation(on) > before, "the others at work on its partitions")
    assert victim not in seen.members(on).values()
    on.press("<", "<")
    on.shows("1×")


def see_why(on: Terminal) -> None:
    on.press("3")
    on.shows("PreparingRebalance", "CompletingRebalance", "'s session of")
    on.press("v")
    told = ("session of 10.0 s ran out", "PreparingRebalance", "Partitions")
    on.until(lambda: all(words in _rebalance(on) for words in told), "the newest rebalance, and why")
    on.press("escape")
    on.until(lambda: not _rebalance(on), "the rebalance to close")
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")


def _rebalance(on: Terminal) -> str:
    return next((panel for panel in on.panels() if re.match(r"billing · generation \d+ → ", panel)), "")


def a_second_group(on: Terminal) -> None:
    on.asked("o", "New group")
    on.press("enter")
    on.shows("shipping-1 joined shipping. It is the first.")
    on.until(lambda: on.panel("shipping · Stable") and on.panel("shipping").count("shipping-1"), "the new group")
    on.press("m")
    on.until(lambda: _told(on, "billing") == _told(on, "shipping") == 6, "both groups under every lane")
    on.press("m")
    on.until(lambda: not _told(on, "shipping"), "lanes as they were")
    on.press("{")
    on.until(lambda: seen.stable(on, 6), "the first group again")


def _told(on: Terminal, group: str) -> int:
    """Under how many lanes a group is named: where it stands, or that it has committed nothing."""
    return len(re.findall(f"◆ {group}|{group} ◆|{group} has committed", on.text))


def scrub(on: Terminal) -> None:
    on.press("s")
    on.shows("Scrub P0 of orders · billing")
    on.press("g")
    on.until(
        lambda: re.search(r"apply: ([\d,]+) records? will be delivered again to billing-", on.words()), "a preview"
    )
    on.press("enter")
    on.shows("delivered again to billing")
    on.until(lambda: "u undo" in on.lines[-1], "something to undo")
    on.press("u")
    on.shows("Undone")
    on.press("escape")
    on.shows("the offsets of 1 partition were moved", "were put back")


def a_slow_consumer(on: Terminal) -> None:
    on.press("tab")
    on.until(lambda: re.search(r"│▸[A-Z] \S+ ", "\n".join(line[80:] for line in on.lines)), "the cursor on a member")
    before = seen.header(on, "lag")
    on.press("-", "-", "-", "-", "-", "-")
    on.until(lambda: seen.header(on, "lag") > before + 20, "lag that grows")
    assert seen.header(on, "in") > 30, "producers do not care"


def a_broker_dies(on: Terminal) -> None:
    on.press("4")
    on.shows("3 of 3 alive", "3 copies each")
    on.press("X")
    on.shows("Broker 1 crashed: it told nobody.", "2 of 3 alive")
    on.press(">", ">")
    on.shows("4×", "so the controller takes it for dead. orders-0: broker 2 leads (epoch 1), was 1")
    on.press("r")
    on.shows("3 of 3 alive", "broker 1 has caught up and is in sync again")
    on.press("<", "<")
    on.shows("1×")
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")


def one_records_way(on: Terminal) -> None:
    on.asked("y", "Follow one record on its way")
    on.press("left", "enter")
    on.until(lambda: on.panel("A record's way"), "the record's way")
    on.shows("holds it in its buffer", "the world stands still")
    for said in ("The request is on its way to broker", "appends the record at offset", "has the acknowledgement"):
        on.press("enter")
        on.shows(said)
    on.shows("without the record. It is lost, although it was acknowledged.")
    on.press("X")
    on.until(lambda: re.search(r"Broker \d is down. The record lies on its disk.", on.words()), "the leader's death")
    on.press("enter", ">", ">")
    on.until(lambda: re.search(r"Broker \d leads now, epoch \d+, without the record", on.words()), "another leader")
    on.press("r", "a")
    on.until(lambda: re.search(r"Broker \d cut its copy back", on.words()), "the old leader's log to be cut back")
    on.shows("✗ 1 lost acked")
    on.press("escape")
    on.until(lambda: not on.panel("A record's way"), "the record's way to close")
    on.press("4")
    on.shows("1 acknowledged record lost", "acks-1-by-hand")
    on.press("<", "<")
    on.shows("1×")
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")


def stop_the_world(on: Terminal) -> None:
    on.press("space")
    on.shows("paused")
    stands = seen.clock(on)
    on.press("3")
    on.shows("PreparingRebalance")
    assert seen.clock(on) == stands
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")
    assert seen.clock(on) == stands
    on.press(".", ",")
    on.until(lambda: seen.clock(on) != stands, "time that passes")
    on.press(".")
    on.until(lambda: "paused" in on.lines[0], "time that stands still again")


def go_back(on: Terminal) -> None:
    on.press("backspace")
    on.shows("before crash: broker 1", "before crash: billing-")
    on.press("enter")
    on.shows("put back to a moment that was kept (before crash: broker 1)", "paused")
    on.press("4")
    on.shows("3 of 3 alive", "nothing acknowledged is lost")
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")
    on.press("backspace")
    on.shows("before going back from here")
    on.press("escape")
    on.until(lambda: not on.panel("Go back to"), "the list to close")


def leave_and_come_back(on: Terminal) -> None:
    assert on.leave() == 0


STEPS: dict[str, Callable[[Terminal], None]] = {
    "Look": look,
    "A key stays in one partition": a_key_stays_in_one_partition,
    "A third consumer": a_third_consumer,
    "One too many": one_too_many,
    "Crash one": crash_one,
    "See why": see_why,
    "A second group": a_second_group,
    "Scrub": scrub,
    "A slow consumer": a_slow_consumer,
    "A broker dies": a_broker_dies,
    "One record's way": one_records_way,
    "Stop the world": stop_the_world,
    "Go back": go_back,
    "Leave, and come back": leave_and_come_back,
}


def _spawn(on: Terminal) -> None:
    on.asked("c", "New consumer")
    on.press("enter")
    on.until(lambda: not on.panel("New consumer"), "the dialog to close")


def test_the_tour_can_be_taken_and_the_world_is_there_when_one_comes_back(tmp_path: Path) -> None:
    with opened([LAB], tmp_path) as on:
        for step in tour():
            on.pressed.clear()
            STEPS[step.heading](on)
            assert set(on.pressed) == set(step.keys), f"{step.heading}: what is pressed, and what the tour says"
        before, generation, lanes = seen.owners(on), seen.generation(on), seen.lanes(on)
    with opened([LAB], tmp_path) as on:
        on.until(lambda: seen.stable(on, 6), "the same group, with nobody gone")
        on.shows("web-1 → orders", "web-2 → orders", "paused")
        assert re.search(r"✗ billing-\d +crashed", on.text)
        assert seen.owners(on) == before
        assert seen.generation(on) == generation
        assert all(seen.lanes(on)[number].end >= lane.end for number, lane in lanes.items())
        assert on.leave() == 0
