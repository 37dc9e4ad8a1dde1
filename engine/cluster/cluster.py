"""The cluster: opens a lab folder, wires brokers, controller, clients and workload together, and puts them to rest."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.clock import Clock, LabClock
from engine.cluster import folder as lab_folder
from engine.cluster.audit import Audit
from engine.cluster.browser import Browser
from engine.cluster.diary import Diary
from engine.cluster.faults import Faults
from engine.cluster.housekeeping import Housekeeping
from engine.cluster.listening import Listening
from engine.cluster.moments import Moments, is_returning, put_back
from engine.cluster.nodes import Nodes
from engine.cluster.offsets import Offsets
from engine.cluster.stepping import Stepping
from engine.cluster.verbs import Verbs
from engine.cluster.world import WorldView
from engine.config import BrokerConfig
from engine.controller import Controller
from engine.errors import (
    KafkaError,
    KafkaStorageError,
    LabError,
    LabNotWritableError,
    RefusedError,
)
from engine.events import EventLog, Tone
from engine.faults import Weather
from engine.ledger import Ledger
from engine.network import Network
from engine.snapshot import LedgerFigure, LedgerRecord, Throughput, World
from engine.storage.connection import damaged
from engine.storage.metadata import MetadataStore
from engine.workload.workload import FLUSH_S, Workload

DEFAULT_BROKERS, MOST_BROKERS = 3, 9
_NOTHING = Throughput((), (), ())


class Cluster(Verbs):
    """One lab. `async with Cluster.open(...)` starts it and closes it; see docs/architecture.md for the verbs.

    Attributes: `clock`, `events`, `network`, `controller`, `workload`, `offsets`, `browser`, `is_new` (made by this
    opening), `folder` (None for a lab in memory).
    """

    _audit: Audit
    _diary: Diary

    def __init__(
        self,
        folder: Path | None,
        brokers: int | None,
        clock: Clock | None,
        inline: bool,
        seed: int | None,
        config: BrokerConfig,
    ) -> None:
        self.events = EventLog()
        self.config = config
        self.folder = folder
        self.is_new = False
        self._temporary = folder is None
        self._wanted_brokers = brokers
        self._given_clock = clock
        self._inline = inline
        self._seed = seed
        self._began_ms = 0.0
        self._store: MetadataStore | None = None
        self._housekeeping: Housekeeping | None = None
        self._traces = []
        self._claimed = False
        self._stands_still: World | None = None
        """What is seen while the world is exchanged for another."""

    @classmethod
    def open(
        cls,
        folder: Path | str | None = None,
        brokers: int | None = None,
        clock: Clock | None = None,
        inline_storage: bool = False,
        seed: int | None = None,
        config: BrokerConfig | None = None,
    ) -> Self:
        """A lab in `folder`, made if need be with `brokers` brokers (3); None: a temporary one, gone when closed.

        `inline_storage` runs SQLite in the event loop, and a temporary lab in memory, so that with a `ManualClock` and
        a `seed` the same calls give the same run. Entering raises LabError.
        """
        return cls(
            Path(folder) if folder is not None else None, brokers, clock, inline_storage, seed, config or BrokerConfig()
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Opening and closing

    async def start(self) -> None:
        """Open the files, take up the topics, groups and workload as they were left; raises LabError."""
        if self._wanted_brokers is not None and not 1 <= self._wanted_brokers <= MOST_BROKERS:
            raise RefusedError(f"A lab has 1 to {MOST_BROKERS} brokers, not {self._wanted_brokers}.")
        if self.folder is None and not self._inline:
            self.folder = Path(tempfile.mkdtemp(prefix="kafkarium-"))
        if self.folder is not None:
            lab_folder.prepare(self.folder)
            if is_returning(self.folder) and not lab_folder.is_open(self.folder):
                put_back(self.folder)
        self._store = await self._open_metadata()
        try:
            if self.folder is not None:
                lab_folder.claim(self.folder)
                self._claimed = True
            await self._start(self._store)
        except BaseException:
            await self.close()
            raise

    async def _open_metadata(self) -> MetadataStore:
        if self.folder is None:
            return await MetadataStore.open(None, inline=True)
        try:
            return await MetadataStore.open(self.folder / lab_folder.MARK, inline=self._inline)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise lab_folder.locked(self.folder) from None
            raise

    async def _start(self, store: MetadataStore) -> None:
        kept = await store.settings()
        self.is_new = not kept
        if self.is_new and self.folder is not None and lab_folder.broker_file(self.folder, 1).exists():
            raise damaged(str(self.folder / lab_folder.MARK), "it is empty, though the lab holds records")
        count = self._count_brokers(kept.get("brokers"))
        now = kept.get("now_ms", self._given_clock.now_ms() if self._given_clock else time.time() * 1000)
        self._began_ms = kept.get("began_ms", now)
        seed = kept.get("seed", self._seed if self._seed is not None else time.time_ns() % 2**32)
        lab_id = kept.get("cluster_id", f"kafkarium-{seed:08x}")
        await store.put_settings({"brokers": count, "began_ms": self._began_ms, "seed": seed, "cluster_id": lab_id})

        self.clock = self._given_clock or LabClock(now, kept.get("speed", 1.0))
        self._diary = Diary(store, self.events)
        await self._diary.recall()
        weather = Weather(self.clock, Random(seed))
        self.network = Network(weather)
        self.controller = Controller(lab_id, store, self.clock, self.config, self.events)
        self.controller.telling.records_in = self._records_in
        self.nodes = Nodes(
            self.folder,
            count,
            self.controller,
            store,
            self.clock,
            self.config,
            self.network,
            self.events,
            inline=self._inline,
        )
        self.controller.telling.lost = self.nodes.lost
        self.faults = Faults(self.nodes, self.network, weather, self.clock, self.events)
        await self.nodes.open(frozenset(kept.get("down", ())))

        self.ledger = Ledger()
        self.ledger.recall(kept.get("ledger", {}))
        self.workload = Workload(self.network, self.clock, self.events, store, seed, ledger=self.ledger)
        self.browser = Browser(self.nodes, lambda acks: self.producer(client_id="by-hand", acks=acks))
        self.offsets = Offsets(self, self.events.publish)
        self.offsets.recall(kept.get("undo", ()))
        self._view = WorldView(self.nodes, self.faults.lost_answers)
        self.stepping = Stepping(self.clock, self.events)
        self._listening = Listening(self.nodes, self.network, self.clock, self.config, self.events)
        self._audit = Audit(self.ledger, self.nodes, self.clock, self.events)
        self.moments = Moments(self.folder, self.nodes, store, self.clock, self._save)
        await self.workload.restore()
        self._housekeeping = Housekeeping(self.clock, self.config, self.events, self.nodes, self._each_second)
        self._housekeeping.recall(kept.get("throughput", ()))
        self._housekeeping.start()
        if kept.get("paused"):
            self.clock.pause()

    def _count_brokers(self, kept: int | None) -> int:
        wanted = self._wanted_brokers
        if kept is None:
            return wanted or DEFAULT_BROKERS
        if wanted is not None and wanted < kept:
            raise RefusedError(
                f"This lab has {kept} brokers with records on them; it can grow, but not shrink to {wanted}."
            )
        return wanted or kept

    async def close(self) -> None:
        """Stop the world as a whole, so that the next opening finds it as it is; can be called again."""
        async with AsyncExitStack() as closing:
            if self.folder is not None and self._claimed:
                self._claimed = False
                closing.callback(self._leave, self.folder)
            await self._stop()

    async def _stop(self, flush_s: float = FLUSH_S) -> None:
        store, self._store = self._store, None
        if store is None:
            return
        if hasattr(self, "_listening"):
            self._listening.close()
        async with AsyncExitStack() as closing:  # whatever fails, say on a full disk, no file stays open
            if self._given_clock is None and hasattr(self, "clock"):
                closing.callback(self.clock.close)
            closing.push_async_callback(store.close)
            if hasattr(self, "nodes"):
                closing.push_async_callback(self.nodes.close)
            if hasattr(self, "network"):
                closing.push_async_callback(self.network.close)
            for trace in self._traces:
                await trace.close()
            if self._housekeeping is not None:
                await self._housekeeping.close()
                await self.workload.suspend(flush_s)
                await store.put_settings(self._now_settings())
                await self._diary.write()

    def _leave(self, folder: Path) -> None:
        lab_folder.release(folder)
        if self._temporary:
            shutil.rmtree(folder, ignore_errors=True)

    def _now_settings(self) -> dict[str, Any]:
        return {
            "now_ms": self.clock.now_ms(),
            "speed": self.clock.speed,
            "paused": self.clock.paused,
            "down": sorted(self.nodes.down),
            "ledger": self.ledger.kept(),
            "undo": self.offsets.kept(),
            "throughput": self._housekeeping.kept() if self._housekeeping else [],
        }

    async def _each_second(self) -> tuple[int, int, int]:
        """Records produced and consumed in the last lab second, and total lag; saves the time, in case of a kill."""
        await self._save_time()
        now = self.clock.now_ms()
        produced, consumed = self.workload.produced.history(now, 2)[0], self.workload.consumed.history(now, 2)[0]
        groups = self.snapshot().groups
        await self._audit.run(groups)
        return produced, consumed, sum(group.lag for group in groups)

    async def _save_time(self) -> None:
        if self._store is not None:
            await self._store.put_settings(self._now_settings())
            await self._diary.write()

    async def _save(self) -> None:
        """Write down what lives in memory and can be taken up again."""
        await self._save_time()
        await self.workload.save()

    async def rewind(self, number: int) -> None:
        """Put the world back to a moment (`MomentView.number`) and let it stand still there.

        The present is kept as a moment first, so that one can come back. Clients from outside are dropped, and can
        connect again. Raises RefusedError, LabNotWritableError and KafkaStorageError, and then nothing has changed, but
        where the sentence says that the lab has to be opened again.
        """
        moment = self.moments.find(number)
        assert self.folder is not None
        await self.moments.keep("before going back from here", automatic=True)
        await self.moments.stage(number)
        self._stands_still, listened = self.snapshot(), self._listening.where
        with suppress(KafkaStorageError):  # what cannot be written any more is of the world that is left
            await self._stop(flush_s=0.0)
        try:
            await self._exchange(self.folder)
        except (OSError, LabError, KafkaError) as error:
            raise LabNotWritableError(
                f"The world of that moment could not be opened: {error} Quit, mend that, and open the lab again; it "
                "will be there."
            ) from error
        self.clock.pause()
        self._stands_still = None
        self._tell(
            "lab", f"The world was put back to a moment that was kept ({moment.label}). It stands still.", Tone.CHANGE
        )
        if listened is not None:
            await self.listen(*listened)

    async def _exchange(self, folder: Path) -> None:
        put_back(folder)
        self.clock.resume()  # a clock that was given goes on in the next world, whose start takes a moment
        self.events, self._traces, self._housekeeping = EventLog(), [], None
        self._store = await self._open_metadata()
        try:
            await self._start(self._store)
        except BaseException:
            with suppress(KafkaStorageError):  # of two errors the first says why
                await self._stop(flush_s=0.0)
            raise

    # What is

    def snapshot(self) -> World:
        """The world now; unchanged branches are the same objects as last time."""
        if self._stands_still is not None:
            return self._stands_still
        topics, consumers = self._view.topics(), self.workload.consumers()
        return World(
            lab=self.folder.name if self.folder is not None and not self._temporary else "temporary lab",
            now_ms=self.clock.now_ms(),
            began_ms=self._began_ms,
            speed=self.clock.speed,
            paused=self.clock.paused,
            brokers=self._view.brokers(),
            topics=topics,
            groups=self._view.groups(consumers),
            producers=self.workload.producers(),
            consumers=consumers,
            throughput=self._housekeeping.throughput if self._housekeeping else _NOTHING,
            undo=self.offsets.undoable,
            ledger=self.ledger.view(),
            listening=self._listening.view(),
            transactions=self._view.transactions(),
            moments=self.moments.kept,
        )

    async def records_behind(self, figure: LedgerFigure) -> list[LedgerRecord]:
        """Some hundreds of the records that a figure of the ledger counts."""
        return self.ledger.records_behind(figure)

    def _tell(self, subject: str, text: str, how: Tone) -> None:
        self.events.tell(self.clock.now_ms(), subject, text, how)
