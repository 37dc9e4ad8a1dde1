"""`kafkarium broker`: a lab without a screen, for Kafka clients, that says what happens line by line.

It stops cleanly on SIGINT and SIGTERM: the lab is closed as it is, and the next opening finds it so.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine.cluster import Cluster
from engine.errors import KafkaError, LabError
from engine.events import Event
from engine.wire.security import Security
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
    security_of,
)
from tui.painting.text import clean

_FILES = 8_192


def run(arguments: Sequence[str]) -> int:
    """Run until a signal ends it; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(serve(lab_of(options), options.brokers, options.listen, security_of(options)))
    except (KafkaError, LabError) as error:
        raise CommandError(str(error)) from None
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="kafkarium broker",
        description="Runs a lab without a screen, for Kafka clients, and says what happens line by line. A new lab "
        "begins with nothing in it. Ctrl-C ends it.",
    )
    add_lab(parser)
    parser.add_argument("--listen", type=address, metavar="HOST:PORT", default=Address(DEFAULT_HOST, DEFAULT_PORT),
                        help="where clients connect: a port for each broker, counted up from this one "
                        f"({DEFAULT_HOST}:{DEFAULT_PORT})")  # fmt: skip
    add_security(parser)
    return parser


def allow_connections() -> None:
    """Have the system allow so many open files as connections need, where its first limit is lower than its last."""
    if sys.platform == "win32":
        return
    import resource

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


async def serve(folder: Path | None, brokers: int | None, listen: Address, security: Security | None) -> None:
    """Open the lab and let clients in until SIGINT or SIGTERM; raises LabError."""
    allow_connections()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), ended.set)
    async with Cluster.open(folder, brokers=brokers) as cluster:
        cluster.events.listen(lambda event: _say(event, ended))
        await cluster.listen(*listen, security)
        await ended.wait()
        await cluster.stop_listening()


def _say(event: Event, ended: asyncio.Event) -> None:
    try:
        print(line(event), flush=True)
    except BrokenPipeError:
        ended.set()  # nobody reads any more: whoever started this has gone


def line(event: Event) -> str:
    """When (lab time), how it should be taken, and what happened."""
    when = datetime.fromtimestamp(event.at_ms / 1000).astimezone().isoformat(sep=" ", timespec="milliseconds")
    return f"{when} {event.tone.value:<7} {clean(event.sentence())}"
