from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import KafkaStorageError, LabLockedError
from tests.tui.fakes import FakeCluster
from tui import cli
from tui.app import Kafkarium
from tui.arguments import CommandError, lab_path
from tui.verbs import Lab


@pytest.fixture(autouse=True)
def _folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, "one sentence"
    return err


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}", SimpleNamespace(isatty=lambda: True, write=lambda _: None))


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_version_and_help_answer_and_end_well(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([flag])
    assert left.value.code == 0
    assert "kafkarium" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--brokers", "0"), "1 to 9 brokers"),
        (("--brokers", "many"), "not 'many'"),
        (("--colour",), "--colour"),
        (("--temporary", "shop"), "a temporary lab has no name"),
        (("labs", "extra"), "extra"),
        ((), "needs a terminal"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence_with_exit_code_2(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in refused(capsys, *arguments)


@pytest.mark.parametrize("name", ["", "  ", "a\0b", ".", ".."])
def test_what_is_no_name_for_a_lab_is_refused(name: str) -> None:
    with pytest.raises(CommandError):
        lab_path(name)


def test_a_name_lives_in_the_data_folder_and_a_path_where_it_says(tmp_path: Path) -> None:
    assert lab_path(None) == tmp_path / "data" / "kafkarium" / "labs" / "first"
    assert lab_path("shop") == tmp_path / "data" / "kafkarium" / "labs" / "shop"
    assert lab_path("./shop") == Path.cwd() / "shop"
    assert lab_path("~/shop") == Path.home() / "shop"
    assert lab_path("/srv/shop") == Path("/srv/shop")


def test_an_unknown_theme_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        on_a_terminal(patched)
        code = cli.main(["--theme", "nosuch"])
    assert code == 2
    assert "kafkarium-dark" in capsys.readouterr().err


def test_a_theme_that_does_not_parse_is_named_with_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "config" / "kafkarium" / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("dark = perhaps\n")
    with monkeypatch.context() as patched:
        on_a_terminal(patched)
        code = cli.main(["--theme", "mine"])
    assert code == 2
    assert "mine.toml, line 1" in capsys.readouterr().err


def test_without_labs_the_list_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labs"]) == 0
    assert "no labs yet" in capsys.readouterr().out


def test_the_list_of_labs_shows_name_size_age_and_who_has_it_open() -> None:
    entries = [
        SimpleNamespace(name="first", path=Path("/labs/first"), size_bytes=1_200_000, last_used_s=995.0, open_by=4711),
        SimpleNamespace(name="a\x1b[2J", path=Path("/labs/x"), size_bytes=0, last_used_s=0.0, open_by=None),
    ]
    lines = cli.table(entries, now_s=1000.0)  # type: ignore[arg-type]
    assert lines[1].split("  ")[0] == "first"
    assert "1.2 MB" in lines[1]
    assert "5.0 s ago" in lines[1]
    assert "open (4711)" in lines[1]
    assert lines[1].endswith("/labs/first")
    assert "\x1b" not in lines[2]


async def test_a_lab_that_is_open_elsewhere_ends_the_app_with_the_reason() -> None:
    @asynccontextmanager
    async def locked() -> AsyncIterator[Lab]:
        raise LabLockedError("/labs/first", 4711)
        yield

    app = Kafkarium(locked)
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.pause()
    assert "4711" in str(app.failure)
    assert app.return_code == 2


@pytest.mark.parametrize("when", ["opening", "closing"])
async def test_a_full_disk_ends_the_app_with_the_reason(when: str) -> None:
    @asynccontextmanager
    async def full() -> AsyncIterator[Lab]:
        if when == "closing":
            yield FakeCluster()
        raise KafkaStorageError("The disk is full: cluster.db cannot grow.")
        yield

    app = Kafkarium(full)
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.pause()
    assert "disk is full" in str(app.failure)


async def test_an_error_that_is_no_labs_is_not_hidden() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[Lab]:
        raise ZeroDivisionError("a bug")
        yield

    async def run() -> None:
        async with Kafkarium(broken).run_test() as pilot:
            for _ in range(5):
                await pilot.pause()

    with pytest.raises(ZeroDivisionError):
        await run()


async def test_the_first_frame_is_there_before_the_lab_is_open() -> None:
    import asyncio

    gate = asyncio.Event()
    fake = FakeCluster()

    @asynccontextmanager
    async def slow() -> AsyncIterator[Lab]:
        await gate.wait()
        yield fake

    app = Kafkarium(slow, lab_name="shop")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.take_scene() is None
        await pilot.press("n")
        assert any("still being opened" in toast.message for toast in app._notifications)
        gate.set()
        await pilot.pause()
        await pilot.pause()
        assert app.take_scene() is not None
