"""What command lines have in common: how they are refused, and what their words mean."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from engine.wire.security import Security

FIRST = "first"
MOST_BROKERS = 9
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 9092


class CommandError(Exception):
    """Something on the command line cannot be done; the message is a sentence for the person."""


class Parser(argparse.ArgumentParser):
    """Says what was wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        raise CommandError(f"{message}. See kafkarium --help.")


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def add_lab(parser: argparse.ArgumentParser) -> None:
    """The words that say which lab is meant."""
    parser.add_argument("lab", nargs="?", metavar="LAB", help=f"name or path of a lab; made if need be ({FIRST})")
    parser.add_argument("--temporary", action="store_true", help="a lab that is gone when it is left")
    parser.add_argument("--brokers", type=_brokers, metavar="N", help=f"brokers of a new lab, 1 to {MOST_BROKERS} (3)")


def _brokers(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_BROKERS:
        raise argparse.ArgumentTypeError(f"a lab has 1 to {MOST_BROKERS} brokers, not {text!r}")
    return int(text)


def address(text: str) -> Address:
    """HOST:PORT, or either alone; an IPv6 address stands in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = ("", text) if text.isdecimal() else (text, str(DEFAULT_PORT))
    if not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise argparse.ArgumentTypeError(f"an address is HOST:PORT, like {DEFAULT_HOST}:{DEFAULT_PORT}, not {text!r}")
    return Address(host.removeprefix("[").removesuffix("]") or DEFAULT_HOST, int(port))


def add_security(parser: argparse.ArgumentParser) -> None:
    """The words that say what is asked of clients."""
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE", help="encrypt what clients say (PEM)")
    parser.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="its key, where that is in a file of its own (PEM)"
    )
    parser.add_argument("--users", type=Path, metavar="FILE", help="let in only these, by PLAIN or SCRAM-SHA-256/512: "
                        "lines NAME:PASSWORD")  # fmt: skip


def security_of(options: argparse.Namespace) -> Security | None:
    """What is asked of clients; None for nothing. CommandError where a file will not do."""
    given = options.tls_certificate, options.tls_key, options.users
    if given == (None, None, None):
        return None
    if options.listen is None:
        raise CommandError(
            "certificates and users are for clients from outside; say where they connect, with --listen."
        )
    from engine.errors import RefusedError
    from engine.wire.security import Security, read_users

    try:
        users = read_users(options.users) if options.users is not None else {}
        security = Security(options.tls_certificate, options.tls_key, users)
        security.tls()
    except RefusedError as error:
        raise CommandError(str(error)) from None
    return security


def lab_of(options: argparse.Namespace) -> Path | None:
    """The folder of the lab that is meant; None for a temporary one."""
    if options.temporary and options.lab is not None:
        raise CommandError("a temporary lab has no name; leave out either --temporary or the lab's name.")
    return None if options.temporary else lab_path(options.lab)


def labs_folder() -> Path:
    """Where labs that are called by name live."""
    from platformdirs import user_data_path

    return user_data_path("kafkarium") / "labs"


def lab_path(lab: str | None) -> Path:
    """The folder of a lab given by name, or by a path, which has a slash in it."""
    if lab is None:
        return labs_folder() / FIRST
    if "\0" in lab or not lab.strip():
        raise CommandError("a lab's name must not be empty; give a name like 'shop', or a path like ./shop.")
    separators = {os.sep, os.altsep or os.sep, "/"}
    if lab.startswith("~") or any(separator in lab for separator in separators):
        return Path(lab).expanduser().absolute()
    if lab in (".", ".."):
        raise CommandError(f"{lab!r} is no name for a lab; give a name like 'shop', or a path like {lab}/shop.")
    return labs_folder() / lab
