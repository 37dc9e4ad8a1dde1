from __future__ import annotations

from dataclasses import replace

from tests.tui import worlds
from tui.lessons.learning import Learning
from tui.lessons.lesson import Lesson, Moment, Step, a_topic, copies, records_that_flow
from tui.scene import Scene


def _in(mode: str) -> Moment:
    return Moment(Scene(worlds.first()), mode)


def _gone_to_records(before: Moment, now: Moment) -> str:
    return "There they are." if before.mode != now.mode == "records" else ""


LESSON = Lesson("Two steps", "A lesson of two steps.", (Step("Go to the records.", _gone_to_records), Step("Look.")))


def test_a_step_waits_until_it_sees_that_it_was_done() -> None:
    learning = Learning()
    learning.begin(LESSON)
    learning.follow(_in("lab"))
    assert (learning.seen, learning.ready) == ("", False)
    learning.follow(_in("records"))
    assert (learning.seen, learning.ready) == ("There they are.", True)
    learning.follow(_in("lab"))
    assert learning.seen == "There they are.", "what was seen stays seen"


def test_a_step_begins_with_the_first_moment_that_it_sees() -> None:
    learning = Learning()
    learning.begin(LESSON)
    learning.follow(_in("records"))
    assert not learning.seen, "records were shown before it began"


def test_a_step_begins_anew_when_the_world_was_put_back_to_before_it() -> None:
    def told_of_time(before: Moment, now: Moment) -> str:
        return f"{now.world.now_ms - before.world.now_ms:.0f} ms" if now.world.now_ms > before.world.now_ms else ""

    def after(ms: float) -> Moment:
        world = worlds.first()
        return Moment(Scene(replace(world, now_ms=world.now_ms + ms)), "lab")

    learning = Learning()
    learning.begin(replace(LESSON, steps=(Step("Wait.", told_of_time),)))
    learning.follow(after(1_000))
    learning.follow(after(0))
    assert not learning.seen
    learning.follow(after(400))
    assert (learning.seen, learning.ready) == ("400 ms", True)


def test_after_its_last_step_a_lesson_is_taken() -> None:
    learning = Learning()
    learning.begin(LESSON)
    learning.go_on()
    assert learning.at == 1
    assert learning.ready, "there is nothing to wait for"
    assert not learning.taken
    learning.go_on()
    assert learning.lesson is None
    assert learning.taken == {"Two steps"}
    learning.go_on()
    assert learning.lesson is None


def test_a_lesson_that_is_left_is_not_taken() -> None:
    learning = Learning(invites=True)
    learning.begin(LESSON)
    assert not learning.invites
    learning.leave()
    assert learning.lesson is None
    assert not learning.taken


def test_a_lesson_says_what_the_lab_lacks_and_begins_once_it_is_there() -> None:
    learning = Learning()
    learning.begin(replace(LESSON, needs=a_topic))
    learning.follow(Moment(Scene(worlds.empty()), "lab"))
    assert learning.lacking == "This lesson needs a topic: `n` `enter` makes one, `]` looks at another."
    assert not learning.ready
    learning.follow(_in("lab"))
    assert not learning.lacking
    learning.follow(Moment(Scene(worlds.empty()), "records"))
    assert learning.seen, "what it needed to begin it does not need to go on"


def test_what_is_needed_is_named_by_the_key_that_gets_it() -> None:
    first = worlds.first()
    assert records_that_flow(Scene(first)) == ""
    assert records_that_flow(Scene(replace(first, producers=()))).endswith("`p` `enter` starts a producer.")
    assert records_that_flow(Scene(replace(first, groups=()))).endswith("`c` `enter` starts a consumer.")
    assert "one of each partition" in copies(Scene(first))
    assert "this lab has one" in copies(Scene(replace(first, brokers=first.brokers[:1])))
    assert copies(Scene(worlds.broken())) == ""
