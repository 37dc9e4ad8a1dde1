"""A lab's folder: what is in it, who has it open, and which labs there are.

`cluster.db` marks a lab and is held under SQLite's exclusive lock while the lab is open, so the lock dies with its
holder; `open.pid` names the holder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.errors import LabLockedError, LabNotWritableError, NotALabError

MARK = "cluster.db"
PID = "open.pid"

_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class LabEntry:
    """A lab on disk: bytes of its files, when it was last used (s since the epoch), the pid that has it open."""

    name: str
    path: Path
    size_bytes: int
    last_used_s: float
    open_by: int | None


def prepare(folder: Path) -> None:
    """Make the folder, or see that it is a lab; NotALabError, LabNotWritableError."""
    if folder.exists() and not folder.is_dir():
        raise NotALabError(f"{folder} is a file, not a lab folder. Name a folder, or one that does not exist yet.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise NotALabError(
            f"{folder} is not a lab: it holds other files and no {MARK}. Name an empty folder or a new one."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise not_writable(folder, error) from error


def claim(folder: Path) -> None:
    """Say that this process has the lab open; LabNotWritableError."""
    try:
        (folder / PID).write_text(str(os.getpid()))
    except OSError as error:
        raise not_writable(folder, error) from error


def not_writable(folder: Path, error: OSError) -> LabNotWritableError:
    """Why the folder cannot be written, and what to do about it."""
    if error.errno in _FULL:
        return LabNotWritableError(
            f"The disk is full: the lab folder {folder} cannot be written. Free some space, or choose another folder."
        )
    return LabNotWritableError(
        f"The lab folder {folder} cannot be written ({error.strerror}). Choose another or mend its permissions."
    )


def release(folder: Path) -> None:
    """Say that nobody has the lab open."""
    (folder / PID).unlink(missing_ok=True)


def locked(folder: Path) -> LabLockedError:
    """The error that names who has the lab open."""
    return LabLockedError(str(folder), _pid(folder) or 0)


def list_labs(parent: Path) -> list[LabEntry]:
    """The labs in a folder of labs, the one used last first."""
    found = [_entry(path) for path in _folders(parent)]
    return sorted(found, key=lambda entry: -entry.last_used_s)


def broker_file(folder: Path, broker_id: int) -> Path:
    """The SQLite file of one broker."""
    return folder / f"broker-{broker_id}.db"


def delete_broker_file(folder: Path, broker_id: int) -> None:
    """Remove a stopped broker's file and what SQLite keeps beside it."""
    path = broker_file(folder, broker_id)
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _folders(parent: Path) -> Iterator[Path]:
    if parent.is_dir():
        yield from (path for path in sorted(parent.iterdir()) if (path / MARK).is_file())


def _entry(path: Path) -> LabEntry:
    stats = [file.stat() for file in path.rglob("*") if file.is_file()]
    size, used = sum(stat.st_size for stat in stats), max(stat.st_mtime for stat in stats)
    return LabEntry(path.name, path, size, used, _pid(path) if is_open(path) else None)


def is_open(path: Path) -> bool:
    """Whether somebody holds the lock, found out by asking for it without waiting."""
    if not (path / MARK).exists():
        return False
    try:
        with contextlib.closing(sqlite3.connect(path / MARK, timeout=0)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    except sqlite3.DatabaseError:
        return False  # damaged; opening it will say so
    return False


def _pid(folder: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int((folder / PID).read_text())
    return None
