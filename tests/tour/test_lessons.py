"""The lessons, taken by keys in the real program from the first to the last: each step is done as it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from confluent_kafka import Consumer

from tests.tour import seen
from tests.tour.terminal import Terminal, opened
from tui.lessons.course import COURSE
from tui.lessons.lesson import Lesson

Do = Callable[[Terminal], None]


def _press(*keys: str) -> Do:
    return lambda on: on.press(*keys)


def _read(on: Terminal) -> None:
    """There is nothing to be done."""


def _dialog(key: str, title: str, *then: str) -> Do:
    """Press a key, wait for its dialog, press what follows there; "(words)" waits until these are to be read."""

    def do(on: Terminal) -> None:
        on.asked(key, title)
        for each in then:
            if each.startswith("("):
                on.shows(each[1:-1])
            else:
                on.press(each)
        on.until(lambda: not on.panel(title), "the dialog to close")

    return do


def _to_all(on: Terminal) -> None:
    on.press("2")
    on.shows("all by time")
    for _ in range(7):
        on.press("left")
        on.read(0.3)
        if "all by time" in on.panel("orders"):
            return
    raise AssertionError(f"the records of all partitions were not found\n{on.text}")


def _send(*then: str) -> Do:
    return _dialog("e", "One record by hand", *then, "enter")


_send_another = _send("tab", "(Empty: no key.)", "7", "(customer-427)")


def _look_for_a_key(on: Terminal) -> None:
    _to_all(on)
    on.press("/")
    on.shows("header:…, offset:>=n")
    on.type("key:customer-42")
    on.press("enter")


def _everything_again(on: Terminal) -> None:
    on.press("escape")
    on.until(lambda: "/ key" not in on.text, "everything again")
    on.press("1")


def _one_key(on: Terminal) -> None:
    on.press("1")
    on.until(lambda: seen.lanes(on), "the Lab")
    _dialog(
        "p",
        "New producer",
        "tab",
        "(readable JSON)",
        "tab",
        "(Records with one key)",
        "left",
        "left",
        "(share a key)",
        "enter",
    )(on)


def _be_rid_of_it(on: Terminal) -> None:
    on.press("down", "down")
    on.until(lambda: re.search(r"│▸. orders-1", on.text), "the cursor on the new producer")
    on.press("x")
    on.shows("r restart")
    on.press("D")


def _spawn(on: Terminal) -> None:
    _dialog("c", "New consumer", "enter")(on)


def _spawn_until_seven(on: Terminal) -> None:
    for _ in range(4):
        _spawn(on)


def _cursor(on: Terminal) -> str:
    """What the cursor of the focused panel stands on, as far as it has a mark."""
    found = re.search(r"▸(.{12})", "\n".join(on.lines[2:]))
    return found[1] if found else ""


def _moved_from(on: Terminal, at: str) -> bool:
    return _cursor(on) != at


def _to(on: Terminal, key: str, wanted: str) -> None:
    """Press a key that leads to another panel until the cursor stands on what is wanted."""
    for _ in range(5):
        at = _cursor(on)
        if re.match(wanted, at):
            return
        on.press(key)
        on.until(partial(_moved_from, on, at), "another panel")
    raise AssertionError(f"the cursor never stood on {wanted!r}\n{on.text}")


def _to_a_member(on: Terminal) -> None:
    _to(on, "tab", r"[A-Z] billing-\d")


def _send_home(on: Terminal) -> None:
    _to_a_member(on)
    on.press("x")


def _both_groups(on: Terminal) -> None:
    on.press("m")
    on.shows("billing ◆")
    on.press("m", "{", "}", "{")
    on.until(lambda: on.panel("billing"), "the first group again")


def _slower(on: Terminal) -> None:
    _to_a_member(on)
    on.press(*["-"] * 6)


def _let_a_producer_rest(on: Terminal) -> None:
    _to(on, "shift+tab", r". web-\d")
    on.press("z")


def _crash_a_member(on: Terminal) -> None:
    _to_a_member(on)
    on.press("X")


def _start_it_again(on: Terminal) -> None:
    on.press("<", "<")
    on.shows("▶ 1×")
    on.press("G")
    on.until(lambda: re.search(r"▸✗ billing-\d", on.text), "the cursor on the crashed one")
    on.press("r")


def _rewind(on: Terminal) -> None:
    on.press("s")
    on.shows("Scrub P")
    on.press("g")
    on.shows("will be delivered again")
    on.press("enter")
    on.until(lambda: "u undo" in on.lines[-1], "something to undo")
    on.press("u")
    on.shows("Undone")
    on.press("escape")
    on.until(lambda: not on.panel("Scrub"), "the scrub to end")


def _crash_the_broker(on: Terminal) -> None:
    on.press("X")


def _start_the_broker(on: Terminal) -> None:
    on.press("<", "<")
    on.shows("▶ 1×")
    on.press("r")


def _steps(on: Terminal) -> int:
    """How many steps of the record's way are told."""
    return max((int(found) for found in re.findall(r"│ +(\d+) \+\d", on.text)), default=0)


def _further_than(on: Terminal, taken: int) -> bool:
    return _steps(on) > taken


def _follow(*choose: str) -> Do:
    """Follow a record until its producer has what it waits for, crash its leader, and see what the ledger says."""
    acks = {0: "all", 1: "1", 2: "0"}[len(choose)]
    ready = "will never be told" if acks == "0" else "has the acknowledgement"

    def do(on: Terminal) -> None:
        on.asked("y", "Follow one record on its way")
        on.press(*choose, "enter")
        on.until(lambda: _steps(on) == 1, "the record's way")
        while ready not in on.text:
            taken = _steps(on)
            on.press("enter")
            on.until(partial(_further_than, on, taken), "a step")
        on.press("X")
        on.until(lambda: re.search(r"Broker \d is down", on.words()), "the leader's death")
        on.press("enter", *([">", ">"] if acks == "1" else []))
        on.until(lambda: re.search(r"Broker \d leads now", on.words()), "another leader")
        on.press("r", "a")
        on.shows({"all": "is in the ISR again", "1": "✗ 1 lost acked", "0": "✗ 1 lost unacked"}[acks])
        on.press("escape")
        on.until(lambda: not on.panel("A record's way"), "the record's way to close")

    return do


def _open_to_clients(on: Terminal) -> None:
    on.asked("0", "Open to clients from outside")
    on.press("tab")
    on.shows("That of the first broker")
    on.press(*["backspace"] * 4)
    on.shows("A port takes")
    on.press("0")
    on.shows("Ports are chosen when it opens.")
    on.press("enter")
    on.shows("How a client connects")
    on.press("escape")
    on.until(lambda: "How a client connects" not in on.text, "the page to close")


def _connect(on: Terminal) -> None:
    on.press("v")
    on.shows("How a client connects")
    found = re.search(r"-b (127\.0\.0\.1:\d+)", on.text)
    assert found, on.text
    on.press("escape")
    on.until(lambda: "How a client connects" not in on.text, "the page to close")
    client = Consumer({"bootstrap.servers": found[1], "group.id": "mine"})
    client.subscribe(["orders"])
    client.poll(1.0)
    on.until(lambda: "is connected" in _strip(on), "the client to be seen")
    client.close()


STEPS: dict[str, tuple[Do, ...]] = {
    "A record": (_send(), _press("2"), _press("1")),
    "A key stays in one partition": (_send(), _send(), _send_another, _look_for_a_key, _everything_again),
    "No key, and one key for all": (_to_all, _one_key, _be_rid_of_it),
    "A group shares the work": (_spawn, _spawn_until_seven, _send_home, _read),
    "Every group gets everything": (_dialog("o", "New group", "enter"), _both_groups),
    "Each at its own pace": (
        _slower, lambda on: on.press(*["+"] * 6), _let_a_producer_rest, _press("z"), _read,
    ),
    "Offsets, and what a crash repeats": (_crash_a_member, _press(">", ">"), _start_it_again, _rewind, _read),
    "A broker dies": (_press("4"), _press("X"), _press(">", ">"), _start_the_broker, _read),
    "What an acknowledgement is worth": (_follow("left"), _follow(), _follow("left", "left"), _press("<", "<")),
    "Your own program": (_open_to_clients, _connect, _press("x", "1")),
}  # fmt: skip
_TYPED = {"backspace"}
"""Another port than the usual one, for that may be taken."""
_WAYS = {"tab", "shift+tab"}
"""Not needed where the cursor is in the right panel already."""


def _strip(on: Terminal) -> str:
    """What the lesson says just now."""
    return " ".join(line[1:].strip() for line in on.lines if line.startswith("▌"))


def _at(on: Terminal, step: int) -> bool:
    return f"step {step} of" in _strip(on)


def _begin(on: Terminal, lesson: Lesson) -> None:
    on.until(lambda: on.panel("Lessons"), "the list of lessons")
    number = COURSE.index(lesson) + 1
    on.until(lambda: re.search(rf"▸ +{number}  {re.escape(lesson.title)}", on.text), "the next lesson")
    on.press("enter")
    on.until(lambda: lesson.title in _strip(on), "the lesson")


def test_every_lesson_can_be_taken_by_doing_what_it_says(tmp_path: Path) -> None:
    with opened(["shop"], tmp_path) as on:
        on.until(lambda: seen.stable(on, 2), "the first world")
        on.shows("New to Kafka?")
        on.press("5")
        for lesson in COURSE:
            _begin(on, lesson)
            for at, (step, do) in enumerate(zip(lesson.steps, STEPS[lesson.title], strict=True), 1):
                on.until(partial(_at, on, at), f"step {at} of {lesson.title!r}")
                on.pressed.clear()
                do(on)
                told = set(re.findall(r"`([^`]+)`", step.say.replace("{{", "{").replace("}}", "}")))
                pressed = set(on.pressed) - _TYPED
                assert pressed <= told | _WAYS, f"{lesson.title}, step {at}: pressed, and told"
                if step.seen is not None:
                    assert told - _WAYS <= pressed, f"{lesson.title}, step {at}: told, and pressed"
                    on.until(lambda: "✓" in _strip(on), f"what step {at} of {lesson.title!r} shows")
                on.press("5")
        on.until(lambda: on.panel("Lessons").count("✓") == len(COURSE), "every lesson taken")
        on.press("escape")
        on.until(lambda: not on.panel("Lessons"), "the list to close")
        assert on.leave() == 0
