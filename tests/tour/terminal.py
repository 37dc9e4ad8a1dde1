"""The real program in a pseudo-terminal: keys go in, what a person would see comes out.

Nothing here sleeps for a fixed time: `until` reads what the program writes as it comes, and gives up after a deadline
that is generous, for the machine may be slow.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pexpect
import pyte

PATIENCE_S = 30.0
_KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "backspace": "\x7f",
    "shift+tab": "\x1b[Z",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
}
_FRAMES = re.compile("[│┃╭╮╰╯─━▁▂▃▄▅▆▇█▌▐]")


class Terminal:
    """A program on a screen of `width` by `height` cells."""

    def __init__(self, process: Any, width: int, height: int) -> None:
        self.process = process
        self.raw = bytearray()
        """Every byte the program has written."""
        self.pressed: list[str] = []
        """Keys that were pressed and words that were typed."""
        self._screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self._screen)
        self._lines: list[str] | None = None

    # What is to be seen ------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        """The screen, line by line."""
        if self._lines is None:
            self._lines = list(self._screen.display)
        return self._lines

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def words(self) -> str:
        """The words of the whole screen without frames, one blank between them."""
        return _words(self.text)

    def panels(self) -> list[str]:
        """The words of each panel, its heading first, as they read on over line ends."""
        lines = self.lines
        found = []
        for top, line in enumerate(lines):
            for left, right in _borders(line):
                rows = [line[left:right]]
                for row in lines[top + 1 :]:
                    rows.append(row[left + 1 : right])
                    if row[left] == "╰":
                        break
                found.append(_words(" ".join(rows)))
        return found

    def panel(self, title: str) -> str:
        """The words of the panel whose heading begins so; empty when it is not to be seen."""
        return next((panel for panel in self.panels() if panel.startswith(title)), "")

    def says(self, sentence: str) -> bool:
        """Whether a sentence is to be read in a line, in a panel, or somewhere on the screen."""
        return sentence in self.text or any(sentence in panel for panel in self.panels()) or sentence in self.words()

    @property
    def height(self) -> int:
        """How many lines there are."""
        return int(self._screen.lines)

    def cell(self, column: int, line: int) -> str:
        """What stands in one cell; columns count from the right when they are negative."""
        return str(self._screen.buffer[line][column % self._screen.columns].data)

    # Waiting -----------------------------------------------------------------------------------------------

    def read(self, wait_s: float = 0.05) -> bool:
        """Take what the program has written, and for a moment what it goes on to write; False once it has ended."""
        data, alive, ends = bytearray(), True, monotonic() + wait_s
        while (left := ends - monotonic()) > 0:
            try:
                data += self.process.read_nonblocking(1 << 16, left)
            except pexpect.TIMEOUT:
                break
            except pexpect.EOF:
                alive = False
                break
        if data:
            self.raw += data
            self._stream.feed(bytes(data))
            self._lines = None
        return alive

    def until(self, seen: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> Any:
        """What `seen` returns once that is true of the screen; fails with the screen when it does not come true."""
        ends = monotonic() + within_s
        alive = True
        while not (found := seen()):
            if not alive or monotonic() > ends:
                why = f"not within {within_s:g} s" if alive else "the program has ended"
                raise AssertionError(f"waited for {what}: {why}\n{self.text}")
            alive = self.read()
        return found

    def shows(self, *sentences: str) -> None:
        """Wait until all of these are to be read on the screen."""
        for sentence in sentences:
            self.until(partial(self.says, sentence), repr(sentence))

    # Doing -------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Press keys, one after the other: "p", "X", "enter", "ctrl+s"."""
        for key in keys:
            self.pressed.append(key)
            if key.startswith("ctrl+"):
                self.process.send(chr(ord(key[-1]) & 0x1F))
            else:
                self.process.send(_KEYS.get(key, key))

    def type(self, words: str) -> None:
        """Type words into a field."""
        self.pressed.append(words)
        self.process.send(words)

    def asked(self, key: str, title: str) -> None:
        """Press a key and wait for the dialog that it opens."""
        self.press(key)
        self.until(lambda: self.panel(title), f"the dialog {title!r}")

    def resize(self, width: int, height: int) -> None:
        """Make the terminal larger or smaller."""
        self._screen.resize(height, width)
        self._lines = None
        self.process.setwinsize(height, width)

    def leave(self, within_s: float = PATIENCE_S) -> int:
        """Press q and wait for the end; the exit code."""
        self.press("q")
        return self.ended(within_s)

    def ended(self, within_s: float = PATIENCE_S) -> int:
        """Wait for the program to end; the exit code."""
        ends = monotonic() + within_s
        while self.read():
            if monotonic() > ends:
                raise AssertionError(f"the program did not end within {within_s:g} s\n{self.text}")
        self.process.close()
        code = self.process.exitstatus
        return -self.process.signalstatus if code is None else int(code)


def _words(text: str) -> str:
    """Without frames and bars, one blank between words."""
    return " ".join(_FRAMES.sub(" ", text).split())


def _borders(line: str) -> Iterator[tuple[int, int]]:
    """Where upper borders begin and end in a line."""
    left = line.find("╭")
    while left >= 0:
        right = line.find("╮", left)
        if right < 0:
            return
        yield left, right
        left = line.find("╭", right)


def environment(home: Path, **more: str) -> dict[str, str]:
    """What the program finds around it: nothing of the person who runs the tests, and a terminal with 256 colours."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("DATA", "CONFIG", "CACHE", "STATE")}
    terminal = {"TERM": "xterm-256color", "PYTHONUTF8": "1"}
    return {**kept, **folders, **terminal, "HOME": str(home), **more}


def command(name: str = "kafkarium") -> str:
    """An installed command, beside the Python that runs the tests."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def opened(
    arguments: list[str],
    home: Path,
    size: tuple[int, int] = (120, 36),
    env: Mapping[str, str] | None = None,
    program: str = "kafkarium",
) -> Iterator[Terminal]:
    """A program at work; it is ended afterwards whatever happened."""
    process = pexpect.spawn(
        command(program),
        arguments,
        env=dict(environment(home) if env is None else env),
        cwd=str(home),
        dimensions=(size[1], size[0]),
        timeout=None,
    )
    process.delaybeforesend = None
    try:
        yield Terminal(process, *size)
    finally:
        process.close(force=True)
