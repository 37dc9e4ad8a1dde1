"""Worlds about groups: one that rebalances, one that lost a member, one of the consumer protocol."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import ClientState, GroupProtocol, GroupState, MemberState, Phase, World
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
from tests.tui.worlds.plain import ENDS, first


def busy() -> World:
    """Three topics and three groups; one rebalances, one consumer crashed, another hangs."""
    crashed = member(
        2, "billing-3", tps("orders", 4, 5), rejoined=False, last_heartbeat_ms=NOW - 7_400,
        session_expires_ms=NOW + 2_600,
    )  # fmt: skip
    billing = (
        member(0, "billing-1", tps("orders", 0, 1)),
        member(1, "billing-2", tps("orders", 2, 3)),
        crashed,
        member(3, "billing-4", (), leader=False),
    )
    owners = (billing[0], billing[0], billing[1], billing[1], crashed, crashed)
    lags = (40, 12, 431, 210, 1_904, 2_377)
    offsets = [
        standing(TopicPartition("orders", at), end, owner, lag, min(lag, 120))
        for at, (end, owner, lag) in enumerate(zip(ENDS, owners, lags, strict=True))
    ]
    pay_ends, click_ends = (4_410, 4_512, 4_380, 4_409), (90_112, 88_204, 91_766)
    fraud = tuple(
        member(at, f"fraud-{at + 1}", tps("payments", *nums), topics=("payments", "orders"))
        for at, nums in enumerate(((0, 1), (2, 3)))
    )
    fraud_offsets = [
        standing(TopicPartition("payments", at), end, fraud[at // 2], 6 + at, 6) for at, end in enumerate(pay_ends)
    ] + [standing(TopicPartition("orders", at), end, None, 5_000 + 37 * at) for at, end in enumerate(ENDS)]
    search = member(0, "search-1", tps("clicks", 0, 1, 2), topics=("clicks",), group_instance_id="search-static-1")
    search_offsets = [
        standing(TopicPartition("clicks", at), end, search, 12_400 + 900 * at, 500) for at, end in enumerate(click_ends)
    ]
    orders = tps("orders", *range(6))
    stayed = [(tp, "billing-1", "billing-1", 0.0) for tp in orders[:2]]
    history = (
        rebalance("billing", 5, "billing-1 joined", [(tp, None, "billing-1", 0.0) for tp in orders], 170_000,
                  joined=("billing-1",)),
        rebalance("billing", 6, "billing-2 joined",
                  [*stayed, *((tp, "billing-1", "billing-2", 812.0) for tp in orders[2:])], 120_000,
                  joined=("billing-2",)),
        rebalance("billing", 7, "billing-3 joined",
                  [*stayed, *((tp, "billing-2", "billing-2", 0.0) for tp in orders[2:4]),
                   *((tp, "billing-2", "billing-3", 640.0) for tp in orders[4:])], 42_000,
                  joined=("billing-3",), cooperative=True, assignor="cooperative-sticky"),
        rebalance("billing", 8, "billing-4 joined", [], 0, joined=("billing-4",), ended_ms=None, began_ms=NOW - 1_400,
                  phases=(Phase("PreparingRebalance", "waiting for every member to rejoin", NOW - 1_400, None),)),
    )  # fmt: skip
    return world(
        lab="orders-lab",
        topics=(
            topic("orders", ENDS, (2_000, 1_900, 2_050, 2_000, 1_800, 2_200), config=(("retention.ms", "60000"),)),
            topic("payments", pay_ends),
            topic("clicks", click_ends, (61_000, 60_200, 62_100)),
            internal(),
        ),
        groups=(
            group("billing", billing, offsets, state=GroupState.PREPARING_REBALANCE, state_since_ms=NOW - 1_400,
                  deadline_ms=NOW + 1_800, waiting_for=("billing-3",), rebalances=history),
            group("fraud", fraud, fraud_offsets, generation=3, assignor="cooperative-sticky"),
            group("search", (search,), search_offsets, generation=1, assignor="sticky"),
            group("audit", (), [standing(TopicPartition("orders", 0), ENDS[0], None, 9_000)], generation=4),
        ),
        producers=(
            producer("web-1", "orders", 120.0, keys="100 keys, Zipf"),
            producer("web-2", "orders", 80.0, (80,) * 60),
            producer("pay-1", "payments", 40.0, template="payments", keys="key customer", compression="zstd"),
            producer("click-1", "clicks", 1_200.0, template="clicks", acks="1", state=ClientState.PAUSED, measured=0.0),
            producer("old-1", "orders", 20.0, (0,) * 60, state=ClientState.CRASHED, measured=0.0,
                     last_error="crashed by hand"),
        ),
        consumers=(
            *(consumer(each, "billing", 44.0) for each in billing[:2]),
            consumer(crashed, "billing", 0.0, state=ClientState.CRASHED, heartbeating=False, activity="crashed"),
            consumer(billing[3], "billing", 0.0, activity="joining"),
            *(consumer(each, "fraud", 20.0) for each in fraud),
            consumer(search, "search", 0.0, state=ClientState.HUNG, activity="hangs in clicks-1 @ 77,304",
                     processing_ms=50.0),
        ),
        throughput=flow(240, 236, 6_120),
        undo="the offsets of billing, moved to earliest",
    )  # fmt: skip


def crashed() -> World:
    """The first world after billing-2 crashed: its session ran out, billing-1 has everything."""
    before = first()
    old = before.groups[0]
    alone = member(0, "billing-1", tps("orders", *range(6)))
    offsets = [
        standing(TopicPartition("orders", at), end, alone, (40, 61, 52, 312, 303, 330)[at], 25)
        for at, end in enumerate(ENDS)
    ]
    began, ended = NOW - 14_000, NOW - 13_100
    phases = (
        Phase("PreparingRebalance", "billing-1 had to join again within 5 m", began, began + 880),
        Phase("CompletingRebalance", "billing-1, the leader, shares out the partitions by range; the others wait",
              began + 880, ended),
    )  # fmt: skip
    moves = [(tp, "billing-1", "billing-1", 900.0) for tp in tps("orders", 0, 1, 2)] + [
        (tp, "billing-2", "billing-1", 10_640.0) for tp in tps("orders", 3, 4, 5)
    ]
    history = rebalance(
        "billing", 3, "billing-2's session of 10.0 s ran out without a heartbeat", moves, 0, began_ms=began,
        ended_ms=ended, phases=phases, dropped=("billing-2",),
    )  # fmt: skip
    gone = before.consumers[1]
    return replace(
        before,
        lab="crashed",
        groups=(group("billing", (alone,), offsets, generation=3, rebalances=(*old.rebalances, history)),),
        consumers=(consumer(alone, "billing", 44.0), replace(gone, state=ClientState.CRASHED, member_id="",
                   assignment=(), heartbeating=False, activity="crashed")),
    )  # fmt: skip


def reconciling() -> World:
    """The first world with the consumer protocol: billing-3 has joined, billing-1 has to give up, billing-2 goes on."""
    orders, new = tps("orders", *range(6)), {"leader": False, "assignors": ("uniform",), "rejoined": False}
    stays, moves = MemberState.STABLE, MemberState.UNREVOKED_PARTITIONS
    one = member(0, "billing-1", orders[:3], epoch=2, state=moves, target=orders[:2], revoking=orders[2:3], **new)
    two = member(1, "billing-2", orders[3:], epoch=3, state=stays, target=orders[3:], **new)
    three = member(
        2, "billing-3", (), epoch=3, state=MemberState.UNRELEASED_PARTITIONS, target=orders[2:3],
        last_heartbeat_ms=NOW - 300, session_expires_ms=NOW + 9_700, **new,
    )  # fmt: skip
    offsets = [
        standing(tp, end, one if tp in one.assignment else two, 40) for tp, end in zip(orders, ENDS, strict=True)
    ]
    consumer_protocol = {
        "assignor": "uniform", "cooperative": True, "leader": None, "protocol": GroupProtocol.CONSUMER,
    }  # fmt: skip
    past, began = NOW - 150_812, NOW - 1_400
    history = (
        rebalance("billing", 2, "billing-2 joined",
                  [*((tp, "billing-1", "billing-1", 0.0) for tp in orders[:3]),
                   *((tp, "billing-1", "billing-2", 740.0) for tp in orders[3:])],
                  150_000, joined=("billing-2",), **consumer_protocol,
                  phases=(Phase("Assigning", "the next heartbeat makes the coordinator decide", past, past + 1),
                          Phase("Reconciling", "billing-1 has to give up P3, P4 and P5; all others go on", past + 1,
                                past + 812))),
        rebalance("billing", 3, "billing-3 joined",
                  [*((tp, "billing-1", "billing-1", 0.0) for tp in orders[:2]),
                   (orders[2], "billing-1", "billing-3", 0.0),
                   *((tp, "billing-2", "billing-2", 0.0) for tp in orders[3:])],
                  0, began_ms=began, ended_ms=None, joined=("billing-3",),
                  phases=(Phase("Assigning", "the next heartbeat makes the coordinator decide", began, began + 1),
                          Phase("Reconciling", "billing-1 has to give up orders-2; all others go on", began + 1, None)),
                  **consumer_protocol),
    )  # fmt: skip
    billing = group(
        "billing", (one, two, three), offsets, state=GroupState.RECONCILING, state_since_ms=began, generation=3,
        assignment_epoch=3, assignor="uniform", leader=None, protocol=GroupProtocol.CONSUMER, rebalances=history,
        waiting_for=("billing-1",), deadline_ms=NOW + 298_600,
    )  # fmt: skip
    return replace(
        first(),
        lab="reconciling",
        groups=(billing,),
        consumers=tuple(consumer(each, "billing", 31.0, generation=each.epoch) for each in billing.members),
    )
