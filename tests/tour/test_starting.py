"""How the program starts, and how it does not: command lines that cannot work, labs it cannot open, small terminals."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from tests.tour import seen
from tests.tour.terminal import Terminal, opened


def _folder_with_other_files(home: Path) -> None:
    (home / "photos").mkdir()
    (home / "photos" / "cat.jpg").write_bytes(b"meow")


def _newer_lab(home: Path) -> None:
    (home / "newer").mkdir()
    with sqlite3.connect(home / "newer" / "cluster.db") as database:
        database.execute("PRAGMA user_version = 999")
    database.close()


def _damaged_lab(home: Path) -> None:
    (home / "damaged").mkdir()
    (home / "damaged" / "cluster.db").write_bytes(b"no database" * 1_000)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--speed"], "unrecognized arguments: --speed. See kafkarium --help."),
        (["--brokers", "0"], "a lab has 1 to 9 brokers, not '0'"),
        (["--theme", "nope"], "there is no theme 'nope'; there are: "),
        (["shop", "--temporary"], "a temporary lab has no name; leave out either --temporary or the lab's name."),
    ],
)
def test_a_bad_command_line_is_answered_with_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, tmp_path: Path
) -> None:
    with opened(arguments, tmp_path) as on:
        assert on.ended() == 2
        assert on.words().startswith("kafkarium: ")
        assert sentence in on.words()


@pytest.mark.parametrize(
    ("prepare", "lab", "sentence"),
    [
        (_folder_with_other_files, "./photos", "photos is not a lab: it holds other files"),
        (_newer_lab, "./newer", "made by a newer Kafkarium (its format is 999;"),
        (_damaged_lab, "./damaged", "cluster.db"),
    ],
    ids=["other files", "newer", "damaged"],
)
def test_a_folder_that_cannot_be_opened_is_left_alone_and_named(
    prepare: object, lab: str, sentence: str, tmp_path: Path
) -> None:
    assert callable(prepare)
    prepare(tmp_path)
    before = _contents(tmp_path / lab)
    with opened([lab], tmp_path) as on:
        assert on.ended() == 2
        assert sentence in _after_the_screen(on)
    assert _contents(tmp_path / lab) == before


def test_a_lab_that_is_open_in_another_kafkarium_is_named_with_its_process(tmp_path: Path) -> None:
    with opened(["shop"], tmp_path) as first:
        first.until(lambda: seen.lanes(first), "the lab to be open")
        with opened(["shop"], tmp_path) as second:
            assert second.ended() == 2
            assert f"is open in another Kafkarium (process {first.process.pid})" in _after_the_screen(second)
        assert first.leave() == 0
    with opened(["labs"], tmp_path) as labs:
        assert labs.ended() == 0
        assert "shop" in labs.text


def test_a_terminal_that_is_too_small_is_told_so_until_it_is_large_enough(tmp_path: Path) -> None:
    with opened(["--temporary"], tmp_path, size=(50, 15)) as on:
        on.shows("Kafkarium needs a terminal of 60 columns by 18 rows; this one has 50 by 15.")
        on.resize(80, 24)
        on.until(lambda: "Producers" in on.text and seen.members(on), "the Lab")
        assert on.leave() == 0


def test_asking_the_process_to_end_closes_the_lab(tmp_path: Path) -> None:
    with opened(["shop"], tmp_path) as on:
        on.until(lambda: seen.lanes(on), "the lab to be open")
        os.kill(on.process.pid, 15)
        assert on.ended() == 0
    assert not (tmp_path / "data" / "kafkarium" / "labs" / "shop" / "open.pid").exists()


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _after_the_screen(on: Terminal) -> str:
    """What was said after the program had given the terminal back, as one line."""
    text = on.raw.rsplit(b"\x1b[?1049l", 1)[-1].decode()
    return " ".join(text.replace("\x1b", " ").split())
