"""Moments: copies of the world at an instant, to which it can be put back.

A moment holds the lab's files. While they are copied every broker's writer stands still between two commits, so they
are of one instant, as the files of a program that was killed just then are: records in a producer's buffer are not
among them, and consumers go on from what they had committed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path

from engine.clock import Clock
from engine.cluster.folder import MARK, broker_file
from engine.cluster.nodes import Nodes
from engine.errors import LabNotWritableError, RefusedError
from engine.snapshot import MomentView
from engine.storage.metadata import MetadataStore

MOST_AUTOMATIC, MOST_AUTOMATIC_BYTES = 12, 512 << 20
LARGEST_AUTOMATIC_BYTES = 128 << 20
"""Of a lab larger than this no moment is kept unless somebody asks for it."""
_FOLDER = "moments"
_ABOUT = "moment.json"
_RETURNING, _READY = "returning", "returning.ready"


class Moments:
    """Those of one lab; `save` writes down what is not in its files yet."""

    def __init__(
        self,
        folder: Path | None,
        nodes: Nodes,
        store: MetadataStore,
        clock: Clock,
        save: Callable[[], Awaitable[None]],
    ) -> None:
        self._folder = folder
        self._nodes = nodes
        self._store = store
        self._clock = clock
        self._save = save
        self._keeping = asyncio.Lock()
        self.kept: tuple[MomentView, ...] = () if folder is None else tuple(_found(folder / _FOLDER))
        """Oldest first."""

    async def keep(self, label: str, *, automatic: bool = False) -> MomentView:
        """Keep this instant, until somebody forgets it or, where `automatic`, newer ones need the room.

        RefusedError for a lab in memory; KafkaStorageError or LabNotWritableError where there is no room, and then
        nothing is kept.
        """
        async with self._keeping:
            kept = await self._keep(label, automatic)
            self._make_room()
            return kept

    async def keep_before(self, label: str) -> MomentView | None:
        """Keep this instant in case somebody wants it back, where that is quick: not in memory, nor of a large lab.

        KafkaStorageError and LabNotWritableError as in `keep`.
        """
        if self._folder is None or self._size() > LARGEST_AUTOMATIC_BYTES:
            return None
        return await self.keep(label, automatic=True)

    def find(self, number: int) -> MomentView:
        """The moment of that number; RefusedError when there is none."""
        found = next((moment for moment in self.kept if moment.number == number), None)
        if found is None:
            raise RefusedError(f"There is no moment {number}; it may have made room for a newer one.")
        return found

    async def forget(self, number: int) -> None:
        """Delete a moment; RefusedError when there is none of that number."""
        async with self._keeping:
            self._remove(self.find(number))

    async def stage(self, number: int) -> None:
        """Lay a moment ready for `put_back`; RefusedError, LabNotWritableError, and then nothing is changed."""
        moment = self.find(number)
        folder = self._of_this_lab()
        try:
            with self._clock.working():
                await asyncio.to_thread(_stage, folder, _place(folder, moment.number))
        except OSError as error:
            shutil.rmtree(folder / _RETURNING, ignore_errors=True)
            raise _no_room(folder, error) from error

    def _of_this_lab(self) -> Path:
        if self._folder is None:
            raise RefusedError("A lab in memory keeps no moments; open one in a folder.")
        return self._folder

    def _size(self) -> int:
        return sum(broker.store.size_bytes for broker in self._nodes.alive.values())

    async def _keep(self, label: str, automatic: bool) -> MomentView:
        folder = self._of_this_lab()
        number = self.kept[-1].number + 1 if self.kept else 1
        place = _place(folder, number)
        try:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            moment = await self._copy(folder, place, number, label, automatic)
            (place / _ABOUT).write_text(json.dumps(asdict(moment)))  # last: without it the folder is no moment
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if isinstance(error, OSError):
                raise _no_room(folder, error) from error
            raise
        self.kept = (*self.kept, moment)
        return moment

    async def _copy(self, folder: Path, place: Path, number: int, label: str, automatic: bool) -> MomentView:
        stores = {broker.broker_id: broker.store for broker in self._nodes.alive.values()}
        with self._clock.working():
            await asyncio.gather(*(store.checkpoint() for store in stores.values()))  # high watermarks as they are now
            async with AsyncExitStack() as holding:
                for store in stores.values():
                    await holding.enter_async_context(store.held())
                await self._save()
                logs = [partition.log for partition in self._nodes.led()]
                written = sum(log.log_end_offset for log in logs if not log.tp.topic.startswith("__"))
                moment = MomentView(number, self._clock.now_ms(), label, automatic, written, size_bytes=0)
                await self._store.copy_to(place / MARK)
                copies = [store.copy_to(broker_file(place, broker_id)) for broker_id, store in stores.items()]
                await asyncio.gather(*copies)
                for broker_id in self._nodes.down:
                    for file in _files(folder, f"broker-{broker_id}.db"):
                        await asyncio.to_thread(shutil.copyfile, file, place / file.name)
        return replace(moment, size_bytes=_size_of(place))

    def _make_room(self) -> None:
        room = MOST_AUTOMATIC_BYTES
        for age, moment in enumerate(each for each in reversed(self.kept) if each.automatic):
            room -= moment.size_bytes
            if age and (age >= MOST_AUTOMATIC or room < 0):
                self._remove(moment)

    def _remove(self, moment: MomentView) -> None:
        self.kept = tuple(each for each in self.kept if each is not moment)
        place = _place(self._of_this_lab(), moment.number)
        (place / _ABOUT).unlink(missing_ok=True)  # first: half a moment is none
        shutil.rmtree(place, ignore_errors=True)


def is_returning(folder: Path) -> bool:
    """Whether a going back was begun and not ended."""
    return any((folder / name).exists() for name in (_READY, _RETURNING))


def put_back(folder: Path) -> None:
    """Exchange a closed lab's files for those that `stage` laid ready, if it did; harmless otherwise.

    What was begun and broken off is ended by the next call, and at no time is the folder no lab. Raises OSError.
    """
    ready, returning = folder / _READY, folder / _RETURNING
    if ready.exists():
        coming: list[str] = json.loads(ready.read_text())
        for file in _files(folder):
            if file.name not in coming and not _is_database(file):
                file.unlink()  # what SQLite kept beside a database that goes
        for name in coming:
            if (returning / name).exists():
                os.replace(returning / name, folder / name)
        for file in _files(folder):
            if file.name not in coming:
                file.unlink()
        ready.unlink()
    shutil.rmtree(returning, ignore_errors=True)


def _stage(folder: Path, place: Path) -> None:
    returning = folder / _RETURNING
    shutil.rmtree(returning, ignore_errors=True)
    returning.mkdir()
    names = [file.name for file in _files(place)]
    for name in names:
        shutil.copyfile(place / name, returning / name)
    half = folder / f"{_READY}.half"
    half.write_text(json.dumps(names))
    os.replace(half, folder / _READY)


def _found(moments: Path) -> list[MomentView]:
    """What is kept in a folder; what was begun and broken off is not there."""
    places = moments.iterdir() if moments.is_dir() else ()
    kept = [MomentView(**json.loads((each / _ABOUT).read_text())) for each in places if (each / _ABOUT).exists()]
    return sorted(kept, key=lambda moment: moment.number)


def _place(folder: Path, number: int) -> Path:
    return folder / _FOLDER / f"{number:04}"


def _files(folder: Path, name: str = "") -> list[Path]:
    """The databases of a lab, or one of them, with what SQLite keeps beside it."""
    patterns = [name] if name else [MARK, "broker-*.db"]
    return sorted(file for pattern in patterns for end in ("", "-wal", "-shm") for file in folder.glob(pattern + end))


def _is_database(file: Path) -> bool:
    return file.suffix == ".db"


def _size_of(place: Path) -> int:
    return sum(file.stat().st_size for file in _files(place))


def _no_room(folder: Path, error: OSError) -> LabNotWritableError:
    return LabNotWritableError(
        f"The moment could not be written to {folder} ({error.strerror}). Make room there; the lab itself is as it was."
    )
