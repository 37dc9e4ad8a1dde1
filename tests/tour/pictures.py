"""`python -m tests.tour.pictures`: takes the pictures of README and docs in the real program, with its own ctrl+s."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.shots.__main__ import without_leading_blanks
from tests.tour import seen
from tests.tour.terminal import Terminal, environment, opened

DOCS = Path(__file__).parents[2] / "docs"
LAB = "shop"


def main() -> None:
    """A partition's records, a group, a lesson while a crashed consumer is missed, brokers, moments, a record's way."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with opened([LAB], home, env=environment(home, COLORTERM="truecolor")) as on:
            on.until(lambda: seen.stable(on, 2), "the first world")
            _lessons(on, "escape")
            on.asked("c", "New consumer")
            on.press("enter")
            on.until(lambda: seen.stable(on, 3), "a third consumer")
            on.until(lambda: seen.clock(on) > "00:00:20", "some history")
            on.press("2")
            on.shows("live", "committed")
            _take(on, home, "records")
            on.press("3")
            on.shows("CompletingRebalance")
            _take(on, home, "groups")
            on.press("1")
            on.until(lambda: seen.lanes(on), "the Lab")
            _lessons(on, *["down"] * 6, "enter")
            on.shows("Offsets, and what a crash repeats")
            on.press("tab", "tab", "down")
            on.until(lambda: "▸B" in on.text, "the cursor on a member")
            on.press("X")
            on.until(lambda: re.search(r"[45]\.\d s left", on.text), "a session that runs down")
            _take(on, home, "lesson")
            on.press("5")
            on.shows("step 2 of 5")
            _lessons(on, "x")
            on.until(lambda: seen.stable(on, 2), "the others at work")
            on.press("4")
            on.shows("copies each")
            on.press("X")
            on.until(lambda: re.search(r"[456]\.\d s until noticed", on.text), "a broker whose session runs down")
            _take(on, home, "brokers")
            on.asked("backspace", "Go back to")
            on.shows("before crash: broker", "before crash: billing")
            _take(on, home, "moments")
            on.press("escape")
            on.until(lambda: not on.panel("Go back to"), "the moments to close")
            on.press("r")
            on.shows("3 of 3 alive", "is in sync again")
            on.asked("y", "Follow one record on its way")
            on.press("left", "enter")
            on.until(lambda: on.panel("A record's way"), "a record on its way")
            for said in ("is on its way to broker", "appends the record", "has the acknowledgement"):
                on.press("enter")
                on.shows(said)
            _take(on, home, "way")
            on.press("escape")
            on.until(lambda: not on.panel("A record's way"), "the record to go on")
            on.leave()


def _lessons(on: Terminal, *keys: str) -> None:
    """Open the list of lessons, and press what leaves it again."""
    on.asked("5", "Lessons")
    on.press(*keys)
    on.until(lambda: not on.panel("Lessons"), "the list to close")


def _take(on: Terminal, home: Path, name: str) -> None:
    on.press("ctrl+s")
    labs = home / "data" / "kafkarium" / "labs"
    saved = on.until(lambda: sorted(labs.glob("*.svg")), "the picture")[-1]
    on.shows("Saved ")
    (DOCS / f"{name}.svg").write_text(without_leading_blanks(saved.read_text(encoding="utf-8")), encoding="utf-8")
    saved.unlink()
    on.until(lambda: "Saved " not in on.text, "the toast to go")


if __name__ == "__main__":
    main()
