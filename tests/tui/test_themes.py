from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import Theme

from engine.events import Tone
from tests.tui.conftest import OpenStage
from themes.loading import HERE, Loaded, ThemeError, load, load_all
from themes.variables import DEFAULTS, MEMBER_LETTERS
from tui.painting.palette import palette_from

SHIPPED = load_all([HERE]).themes


def test_the_four_palettes_load() -> None:
    loaded = load_all([HERE])
    assert not loaded.errors
    assert {theme.name for theme in loaded.themes} == {
        "kafkarium-dark",
        "kafkarium-light",
        "high-contrast",
        "okabe-ito",
    }


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
def test_text_can_be_read_on_its_background(theme: Theme) -> None:
    colors = {**theme.to_color_system().generate(), **theme.variables}
    background = Color.parse(colors["background"])
    for name, least in (("foreground", 7.0), ("quiet", 4.2), ("strong", 7.0), ("faint", 2.2)):
        assert contrast(Color.parse(colors[name]), background) >= least, name
    for each in MEMBER_LETTERS:
        assert contrast(Color.parse(colors[f"member-{each}"]), background) >= 3.0, each


def contrast(one: Color, other: Color) -> float:
    """WCAG's contrast ratio."""

    def luminance(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", SHIPPED, ids=lambda theme: theme.name)
def test_with_16_colours_text_does_not_vanish_into_the_background(theme: Theme) -> None:
    colors = {**theme.to_color_system().generate(), **theme.variables}
    palette = palette_from(colors, plain=True)

    def in_16(text: str) -> int | None:
        return RichColor.parse(text).downgrade(ColorSystem.STANDARD).number

    background = in_16(palette.background)
    for style in (palette.text, palette.quiet, palette.faint, *palette.members, palette.tones[Tone.INFO]):
        assert style.color is not None
        assert style.color.downgrade(ColorSystem.STANDARD).number != background
    assert palette.cursor.reverse


def test_a_palette_of_ones_own_is_picked_up_and_wins_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "okabe-ito"\n[colors]\nprimary = "#123456"\n')
    loaded = load_all([HERE, tmp_path])
    mine = next(theme for theme in loaded.themes if theme.name == "okabe-ito")
    assert mine.primary == "#123456"
    assert mine.variables["rule"] == DEFAULTS["rule"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('name = "x"\n[colors\n', 2, "not TOML"),
        ('[colors]\nprimary = "#123456"\naccent = "reddish"\n', 3, "no colour for accent"),
        ('[colors]\nprimary = "#123456"\n[lab]\nmember-z = "#ffffff"\n', 4, "'member-z' is no colour of [lab]"),
        ('[colors]\naccent = "#123456"\n', 1, "needs at least primary"),
        ('dark = "yes"\n[colors]\nprimary = "#123456"\n', 1, "true or false"),
        ('[colours]\nprimary = "#123456"\n', 1, "'colours' is unknown"),
    ],
)
def test_a_palette_that_cannot_be_used_is_named_with_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ThemeError, match=r"mine\.toml") as raised:
        load(path)
    assert raised.value.line == line
    assert f"line {line}" in str(raised.value)
    assert words in str(raised.value)


def test_a_palette_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in str(load_all([tmp_path]).errors[0])


async def test_a_broken_palette_is_told_in_a_toast_and_the_others_work(stage: OpenStage, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[colors\n")
    async with stage(themes=load_all([HERE, tmp_path])) as on:
        assert any("mine.toml, line 1" in toast for toast in on.toasts())
        assert on.app.theme == "kafkarium-dark"


async def test_changing_the_theme_changes_what_panels_paint_with(stage: OpenStage) -> None:
    async with stage() as on:
        before = on.app.palette.member(0)
        on.app.theme = "kafkarium-light"
        await on.settle()
        assert on.app.palette.member(0) != before
        assert not on.app.palette.dark


async def test_themes_that_do_not_know_our_names_still_work(stage: OpenStage) -> None:
    async with stage(themes=Loaded(load_all([HERE]).themes, ())) as on:
        on.app.theme = "nord"
        await on.settle()
        assert on.app.palette.rule.color is not None


async def test_the_palette_offers_the_lab_s_own_themes_and_takes_one(stage: OpenStage) -> None:
    async with stage() as on:
        on.app.perform("theme")
        await on.settle()
        await on.pilot.pause(0.2)
        await on.press(*"okabe")
        await on.pilot.pause(0.2)
        await on.press("down", "enter")
        await on.settle()
        assert on.app.theme == "okabe-ito"


async def test_without_colour_the_cursor_is_shown_in_reverse(stage: OpenStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as on:
        assert on.app.palette.cursor.reverse
        assert on.app.palette.chosen.reverse


async def test_without_colour_panels_and_wires_are_grey(stage: OpenStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with stage() as on:
        styles = [each.style for strip in on.app.screen._compositor.render_strips() for each in strip if each.style]
        colours = [colour.triplet for style in styles for colour in (style.color, style.bgcolor) if colour]
        assert all(colour and len(set(colour)) == 1 for colour in colours)
