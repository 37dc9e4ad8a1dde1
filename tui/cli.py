"""The command `kafkarium`: reads the command line, opens a lab in the terminal, lists the labs there are.

What was wrong is said in one sentence on stderr, with exit code 2. Imports wait until they are needed, so that
`--help` and `--version` answer at once and the first frame comes early.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tui.arguments import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    Address,
    CommandError,
    Parser,
    add_lab,
    add_security,
    address,
    lab_of,
    labs_folder,
    security_of,
)

if TYPE_CHECKING:
    from engine.cluster.folder import LabEntry
    from engine.wire.security import Security
    from tui.app import Kafkarium
    from tui.verbs import Lab, OpenLab

_REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["labs"]:
            return _labs(given[1:])
        if given[:1] == ["broker"]:
            from tui.broker import run

            return run(given[1:])
        return _run(_parser().parse_args(given))
    except CommandError as wrong:
        from tui.painting.text import clean

        print(f"kafkarium: {clean(str(wrong))}", file=sys.stderr)
        return _REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="kafkarium",
        description="Kafka behind glass: spawn producers and consumers, watch partitions change hands, scrub offsets.",
        epilog="'kafkarium labs' lists the labs there are; 'kafkarium broker' runs one without a screen, for Kafka "
        "clients (see kafkarium broker --help). In the lab, press 5 for lessons and ? for the keys.",
    )
    add_lab(parser)
    parser.add_argument("--theme", metavar="NAME", help="palette: kafkarium-dark, kafkarium-light, high-contrast, "
                        "okabe-ito, or one of your own")  # fmt: skip
    parser.add_argument("--empty", action="store_true", help="begin a new lab with nothing in it")
    parser.add_argument("--listen", type=address, metavar="HOST:PORT", help="let Kafka clients in: a port for each "
                        f"broker, counted up from this one ({DEFAULT_HOST}:{DEFAULT_PORT} is usual)")  # fmt: skip
    add_security(parser)
    parser.add_argument("--version", action="version", version=f"kafkarium {_version()}")
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("kafkarium")
    except PackageNotFoundError:
        return "(not installed)"


# Running -------------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    folder = lab_of(options)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("this needs a terminal; it draws on the screen and reads keys.")
    import asyncio

    app = _app(folder, options)
    asyncio.run(_show(app))
    if app.failure is not None:
        raise CommandError(str(app.failure))
    return app.return_code or 0


def _app(folder: Path | None, options: argparse.Namespace) -> Kafkarium:
    from themes.loading import DEFAULT_THEME, load_all
    from tui.app import Kafkarium

    loaded = load_all()
    names = [theme.name for theme in loaded.themes]
    theme = options.theme or DEFAULT_THEME
    broken = next((error for error in loaded.errors if theme == error.path.stem), None)
    if theme not in names:
        raise CommandError(str(broken) if broken else f"there is no theme {theme!r}; there are: {', '.join(names)}.")
    return Kafkarium(
        opener(folder, options.brokers, empty=options.empty, listen=options.listen, security=security_of(options)),
        lab_name=folder.name if folder else "temporary",
        theme=theme,
        themes=loaded,
        beside=folder.parent if folder else Path.cwd(),
        freeze=True,
        invites=not options.empty and (folder is None or not folder.exists()),
    )


def opener(
    folder: Path | None,
    brokers: int | None,
    *,
    empty: bool,
    listen: Address | None = None,
    security: Security | None = None,
) -> OpenLab:
    """What opens the lab once the first frame is on the screen; a new one gets a first world unless `empty`.

    With `listen`, clients from outside can connect there, by the rules of `security`.
    """

    @asynccontextmanager
    async def opened() -> AsyncIterator[Lab]:
        import asyncio
        from importlib import import_module

        await asyncio.to_thread(import_module, "engine.cluster.first_world")
        from engine.cluster import Cluster
        from engine.cluster.first_world import populate

        async with Cluster.open(folder, brokers=brokers) as cluster:
            if cluster.is_new and not empty:
                await populate(cluster)
            if listen is not None:
                from tui.broker import allow_connections

                allow_connections()
                await cluster.listen(*listen, security)
            yield cluster

    def open_lab() -> AbstractAsyncContextManager[Lab]:
        return opened()

    return open_lab


async def _show(app: Kafkarium) -> None:
    """Run the app; a request to end the process leaves it as `q` does, so that the lab is closed."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), app.exit)
    await app.run_async()


# Listing -------------------------------------------------------------------------------------------------


def _labs(arguments: Sequence[str]) -> int:
    Parser(prog="kafkarium labs", description="Lists the labs there are.").parse_args(arguments)
    import time

    from engine.cluster.folder import list_labs

    folder = labs_folder()
    entries = list_labs(folder)
    if not entries:
        print(f"There are no labs yet in {folder}. 'kafkarium' makes the first.")
        return 0
    print("\n".join(table(entries, time.time())))
    return 0


def table(entries: Sequence[LabEntry], now_s: float) -> list[str]:
    """The labs as lines: name, size, when it was last used, whether it is open, path."""
    from tui.painting.text import clean, duration, size

    rows = [("name", "size", "last used", "", "path")]
    for entry in entries:
        open_by = "open" if entry.open_by == 0 else f"open ({entry.open_by})" if entry.open_by else ""
        used = f"{duration(max(0.0, now_s - entry.last_used_s) * 1000)} ago"
        rows.append((clean(entry.name), size(entry.size_bytes), used, open_by, clean(str(entry.path))))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        re.sub(r" +$", "", "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]))
        for row in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
