"""Renders every scene at the three sizes in dark and light, as SVG files."""

from __future__ import annotations

import argparse
import asyncio
import html
import re
from pathlib import Path

from tests.shots.scenes import SCENES, Shot
from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with

SIZES = ((80, 24), (120, 36), (200, 60))
THEMES = ("kafkarium-dark", "kafkarium-light")


async def shoot(shot: Shot, size: tuple[int, int], theme: str, out: Path) -> Path:
    """One picture; returns its path."""
    fake = FakeCluster(worlds.WORLDS[shot.world]())
    fake.answers.update(shot.answers)
    app = app_with(fake, theme=theme)
    async with app.run_test(size=size, notifications=True) as pilot:
        for _ in range(3):
            await pilot.pause()
        for key in shot.keys:
            await pilot.press(key)
            await pilot.pause()
        await pilot.pause()
        path = out / f"{shot.name}-{size[0]}x{size[1]}-{theme.removeprefix('kafkarium-')}.svg"
        path.write_text(without_leading_blanks(app.export_screenshot(title="")), encoding="utf-8")
        return path


def without_leading_blanks(svg: str) -> str:
    """The same picture with each text moved past the blanks it begins with, which some viewers drop."""

    def moved(match: re.Match[str]) -> str:
        before, x, between, length, after, blanks, text = match.groups()
        count = len(blanks) // len("&#160;")
        rest = len(html.unescape(text))
        cell = float(length) / (count + rest)
        start, left = float(x) + count * cell, float(length) - count * cell
        return f'{before}x="{start:g}"{between}textLength="{left:g}"{after}{text}<'

    return re.sub(r'(<text [^>]*?)x="([\d.]+)"([^>]*?)textLength="([\d.]+)"([^>]*>)((?:&#160;)+)([^<]+)<', moved, svg)


async def main() -> None:
    """Read the command line and make the pictures."""
    parser = argparse.ArgumentParser(prog="tests.shots", description=__doc__)
    parser.add_argument("names", nargs="*", help="only scenes whose name begins with one of these")
    parser.add_argument("--out", type=Path, default=Path("shots"))
    parser.add_argument("--size", action="append", help="only this size, like 120x36")
    parser.add_argument("--theme", action="append", help="only this theme")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    sizes = [tuple(map(int, text.split("x"))) for text in options.size] if options.size else SIZES
    for shot in SCENES:
        if options.names and not shot.name.startswith(tuple(options.names)):
            continue
        for width, height in sizes:
            for theme in options.theme or THEMES:
                print(await shoot(shot, (width, height), theme, options.out))


if __name__ == "__main__":
    asyncio.run(main())
