"""A world with open transactions."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import TransactionState, TransactionView, World
from engine.types import TopicPartition
from tests.tui.worlds.parts import NOW, consumer, group, internal, member, standing, topic, tps
from tests.tui.worlds.plain import ENDS, first


def transacting(state: TransactionState = TransactionState.ONGOING, **more: object) -> World:
    """The first world with two processors that write in transactions: one of them has been open for seconds."""
    before = first()
    orders, done, offsets = before.topics[0], topic("orders-done", ENDS), internal()
    logs = list(done.partitions)
    for at, held in ((0, 214), (3, 31)):
        logs[at] = replace(logs[at], last_stable_offset=ENDS[at] - held, open_transactions=((4_001, ENDS[at] - held),))
    own = list(offsets.partitions)
    own[17] = replace(own[17], last_stable_offset=409, open_transactions=((4_001, 409),))
    first_of, second_of = (
        member(at, f"packing-{at + 1}", tps("orders", *numbers)) for at, numbers in enumerate(((0, 1, 2), (3, 4, 5)))
    )
    reader = member(0, "shipping-1", tps("orders-done", *range(6)), topics=("orders-done",))
    packs = {"writes_to": "orders-done", "transactional": True, "isolation_level": "read_committed"}
    standings = [standing(TopicPartition("orders", at), end, first_of if at < 3 else second_of, 40)
                 for at, end in enumerate(ENDS)]  # fmt: skip
    ships = [standing(TopicPartition("orders-done", at), end, reader, {0: 214, 3: 31}.get(at, 0))
             for at, end in enumerate(ENDS)]  # fmt: skip
    is_open = state in (TransactionState.ONGOING, TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)
    parts = (*tps("__consumer_offsets", 17), *tps("orders-done", 0, 3)) if is_open else ()
    views = (
        TransactionView("packing-1", state, 4_001, 3, 10_000, NOW - 5_900 if is_open else None, NOW - 400, parts, 2),
        TransactionView("packing-2", TransactionState.COMPLETE_COMMIT, 4_002, 0, 10_000, None, NOW - 90, (), 3),
        TransactionView("audit", TransactionState.COMPLETE_ABORT, 17, 1, 60_000, None, NOW - 64_000, (), 1),
    )
    lab = replace(
        before,
        lab="transacting",
        topics=(orders, replace(done, partitions=tuple(logs)), replace(offsets, partitions=tuple(own))),
        groups=(
            group("orders-processing", (first_of, second_of), standings),
            group("shipping", (reader,), ships, generation=1),
        ),
        consumers=(
            *(consumer(each, "orders-processing", 44.0, **packs) for each in (first_of, second_of)),
            consumer(reader, "shipping", 20.0, isolation_level="read_committed"),
        ),
        transactions=views if is_open else views[:2],
    )
    return replace(lab, **more)  # type: ignore[arg-type]
