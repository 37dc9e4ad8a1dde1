"""Records, keys, headers and names that hold anything: the screen stays whole, and no byte of theirs is obeyed."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from pathlib import Path

from engine.cluster import Cluster
from engine.workload.spec import ConsumerSpec, ProducerSpec
from tests.tour.terminal import Terminal, opened

TITLE = b"\x1b]0;OWNED\x07"
CLEAR = b"\x1b[2J\x1b[7;77H\x1b[38;5;199mOWNED"
NUL = b"\x00\x01\x08\x0b\x7f" + "\u009b31m\u0090OWNED\u009c".encode() + b"\xff\xfe"
WIDE = "漢字かな交じり文 👩‍👩‍👧 e\u0301\u0301\u0301 \u202eabc\u202c \u2028".encode()
MARKUP = b"[bold red]OWNED[/bold red] [@click=app.quit]click[/] [/]"
HUGE = b'{"huge": "' + b"\x1b[5m0123456789" * 70_000 + b'"}'
NAME = "\x1b[41mevil[/]\x00漢"

_OURS = re.compile(
    rb"\x1b\[[\d;]*m"  # colours
    rb"|\x1b\[\d+;\d+H|\x1b\[H"  # places
    rb"|\x1b\[\?\d+(?:;\d+)*[hl]|\x1b\[\?\d+\$p"  # modes of the terminal, set and asked for
    rb"|\x1b\[[<>=]\d*u|\x1b\]22;\w+\x07"  # the keyboard's protocol, the mouse pointer's shape
)
_OBEYED = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def test_records_that_hold_anything_leave_the_screen_whole_and_reach_no_terminal(tmp_path: Path) -> None:
    asyncio.run(_fill(tmp_path / "lab"))
    with opened(["./lab"], tmp_path) as on:
        on.until(lambda: "evil[/]" in on.text, "a group of that name, in the Lab")
        _whole(on)
        on.press("2")
        on.until(lambda: "orders-0" in on.text and "log end" in on.text, "the records")
        for wanted in ("0123456789", "[@click=app.quit]click[/]", "漢字", "OWNED", "OWNED", "OWNED"):
            on.until(partial(_shown, on, wanted), f"the record with {wanted}")
            _whole(on)
            _look_at_bytes(on)
            _whole(on)
            on.press("v", "up")
        on.press("/")
        on.shows("header:…, offset:>=n")
        on.type("key:[/]")
        on.press("enter")
        on.until(lambda: "/ key:[/]" in on.text, "a filter of that text")
        _whole(on)
        on.press("3")
        on.until(lambda: "PreparingRebalance" in on.text and "evil[/]" in on.text, "its group")
        _whole(on)
        assert on.leave() == 0
    _nothing_of_theirs(bytes(on.raw))


async def _fill(folder: Path) -> None:
    async with Cluster.open(folder, brokers=1) as cluster:
        await cluster.create_topic("orders", partitions=1, config={"max.message.bytes": "4000000"})
        async with cluster.producer(max_request_size=4_000_000) as producer:
            for value in (TITLE, CLEAR, NUL, WIDE, MARKUP, HUGE):
                await producer.send_and_wait(
                    "orders", value, key=value[:60], headers=[(NAME, value[:90]), ("[/]", b"\x1b[8m")]
                )
        await cluster.workload.spawn_consumer(ConsumerSpec(NAME, ("orders",), name=NAME))
        await cluster.workload.spawn_producer(ProducerSpec("orders", name=NAME + "p", rate=0))


def _shown(on: Terminal, words: str) -> bool:
    """Whether the record under the cursor is shown with these words in it."""
    return words in on.panel("orders-0 @")


def _look_at_bytes(on: Terminal) -> None:
    on.press("v")
    on.until(lambda: " 0008 " in on.panel("orders-0 @"), "the value in hex")


def _whole(on: Terminal) -> None:
    """Every frame that begins in a line ends there: the last column is a border or the first and last line's."""
    broken = [line for line in range(1, on.height - 1) if on.cell(0, line) in "│╭╰" and on.cell(-1, line) not in "│╮╯"]
    assert not broken, f"lines {broken}\n{on.text}"
    assert on.lines[0].startswith(" kafkarium · lab")
    assert on.lines[-1].rstrip().endswith("? help")


def _nothing_of_theirs(raw: bytes) -> None:
    shown = raw[raw.index(b"\x1b[?1049h") : raw.rindex(b"\x1b[?1049l")]
    for theirs in (b"\x1b]0;", b"\x1b[2J", b"\x1b[7;77H", b"\x1b[38;5;199", b"\x1b[41m", b"\x1b[5m", b"\x1b[8m"):
        assert theirs not in shown
    rest = _OURS.sub(b"", shown).decode("utf-8")
    found = _OBEYED.search(rest)
    assert found is None, f"{rest[max(0, found.start() - 40) : found.end() + 40]!r}"
