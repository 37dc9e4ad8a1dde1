"""Worlds in which nothing is the matter: nothing made yet, the first world, and a crowd."""

from __future__ import annotations

from engine.snapshot import Throughput, World
from engine.types import TopicPartition
from tests.tui.worlds.parts import (
    NOW,
    consumer,
    flow,
    group,
    internal,
    member,
    producer,
    rebalance,
    standing,
    topic,
    tps,
    world,
)


def empty() -> World:
    """A lab in which nothing was made yet."""
    return world(lab="empty", throughput=Throughput((0,) * 120, (0,) * 120, (0,) * 120))


ENDS = (12_331, 11_904, 12_010, 12_127, 11_876, 12_240)


def first() -> World:
    """The first world a person sees: orders with 6 partitions, two producers, billing with two consumers."""
    one = member(0, "billing-1", tps("orders", 0, 1, 2))
    two = member(1, "billing-2", tps("orders", 3, 4, 5), last_heartbeat_ms=NOW - 300, session_expires_ms=NOW + 9_700)
    owners = (one, one, one, two, two, two)
    offsets = [
        standing(TopicPartition("orders", number), end, owner, lag, pending)
        for number, (end, owner, lag, pending) in enumerate(
            zip(ENDS, owners, (40, 61, 52, 12, 3, 30), (25, 40, 20, 8, 3, 12), strict=True)
        )
    ]
    moves = [(tp, None, "billing-1", 0.0) for tp in one.assignment] + [
        (tp, "billing-1", "billing-2", 812.0) for tp in two.assignment
    ]
    history = rebalance("billing", 2, "billing-2 joined", moves, 150_000, joined=("billing-2",))
    return world(
        lab="first",
        topics=(topic("orders", ENDS), internal()),
        groups=(group("billing", (one, two), offsets, generation=2, rebalances=(history,)),),
        producers=(
            producer("web-1", "orders", 40.0, keys="100 keys, Zipf"),
            producer("web-2", "orders", 20.0, (20,) * 60),
        ),
        consumers=(consumer(one, "billing", 31.0), consumer(two, "billing", 29.0)),
        throughput=flow(60, 59, 198),
    )


def crowd() -> World:
    """One group of 50 members on 200 partitions, and one of seven for six partitions."""
    ends = [40_000 + 137 * at for at in range(200)]
    clicks = tuple(
        member(at, f"clicks-{at + 1}", tps("clicks", *range(at * 4, at * 4 + 4)), topics=("clicks",))
        for at in range(50)
    )
    offsets = [standing(TopicPartition("clicks", at), end, clicks[at // 4], at * 7 % 900, at * 3 % 200)
               for at, end in enumerate(ends)]  # fmt: skip
    orders = tuple(member(at, f"billing-{at + 1}", tps("orders", at) if at < 6 else ()) for at in range(7))
    order_offsets = [standing(TopicPartition("orders", at), end, orders[at], 10 * at) for at, end in enumerate(ENDS)]
    return world(
        lab="crowd",
        topics=(topic("clicks", ends), topic("orders", ENDS), internal()),
        groups=(
            group("clickstream", clicks, offsets, generation=31, assignor="sticky"),
            group("billing", orders, order_offsets, generation=9),
        ),
        producers=(producer("web-1", "clicks", 5_000.0),),
        consumers=tuple(consumer(each, "clickstream", 90.0) for each in clicks)
        + tuple(consumer(each, "billing", 12.0) for each in orders),
        throughput=flow(5_000, 4_900, 80_000),
    )
