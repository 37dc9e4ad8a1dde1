"""Sample worlds for painting tests and pictures, built from plain figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.events import Event, MemberJoined, MemberLeft, RebalanceCompleted, RebalanceStarted, Told, Tone
from engine.snapshot import (
    AddressView,
    BrokerView,
    ClientState,
    ConnectionView,
    ConsumerView,
    GroupLedger,
    GroupOffsetView,
    GroupProtocol,
    GroupState,
    GroupView,
    LedgerView,
    ListeningView,
    MemberState,
    MemberView,
    MomentView,
    Move,
    PartitionView,
    Phase,
    ProducerLedger,
    ProducerView,
    Rebalance,
    ReplicaView,
    RequestView,
    Throughput,
    TopicView,
    TransactionState,
    TransactionView,
    World,
)
from engine.types import TopicPartition

BEGAN = 1_700_000_000_000.0
NOW = BEGAN + 192_000.0


def partition(topic: str, number: int, start: int = 0, end: int = 0, **more: object) -> PartitionView:
    """A partition from `start` to `end`."""
    leader = number % 3 + 1
    values = {
        "topic": topic, "partition": number, "leader": leader, "leader_epoch": 0, "replicas": (leader,),
        "isr": (leader,), "log_start_offset": start, "high_watermark": end, "log_end_offset": end,
        "size_bytes": (end - start) * 118, "max_timestamp": int(NOW) - 40 if end > start else -1,
    }  # fmt: skip
    return PartitionView(**{**values, **more})  # type: ignore[arg-type]


def topic(name: str, ends: Sequence[int], starts: Sequence[int] = (), **more: object) -> TopicView:
    """A topic whose partitions end at `ends`."""
    starts = starts or [0] * len(ends)
    parts = tuple(partition(name, at, start, end) for at, (start, end) in enumerate(zip(starts, ends, strict=True)))
    values = {"name": name, "internal": False, "replication_factor": 1, "config": (), "partitions": parts}
    return TopicView(**{**values, **more})  # type: ignore[arg-type]


def member(slot: int, client_id: str, tps: Sequence[TopicPartition] = (), **more: object) -> MemberView:
    """A member with a session of 10 s and a heartbeat 1.2 s ago."""
    values = {
        "member_id": f"{client_id}-5f0c{slot:02d}9e", "client_id": client_id, "host": "lab", "software": "kafkarium",
        "group_instance_id": None, "slot": slot, "leader": slot == 0, "assignors": ("range",), "topics": ("orders",),
        "assignment": tuple(tps), "last_heartbeat_ms": NOW - 1_200, "session_timeout_ms": 10_000,
        "session_expires_ms": NOW + 8_800, "rebalance_timeout_ms": 300_000, "rejoined": True,
    }  # fmt: skip
    return MemberView(**{**values, **more})  # type: ignore[arg-type]


def standing(tp: TopicPartition, end: int, owner: MemberView | None, lag: int, pending: int = 0) -> GroupOffsetView:
    """A group `lag` behind the end, with `pending` records delivered and not committed."""
    committed = end - lag
    position = min(end, committed + pending) if owner else None
    return GroupOffsetView(tp.topic, tp.partition, committed, position, lag, owner.member_id if owner else None)


def group(
    group_id: str, members: Sequence[MemberView], offsets: Sequence[GroupOffsetView], **more: object
) -> GroupView:
    """A stable group."""
    values = {
        "group_id": group_id, "state": GroupState.STABLE if members else GroupState.EMPTY,
        "state_since_ms": NOW - 42_000, "deadline_ms": None, "waiting_for": (), "generation": 7,
        "protocol_type": "consumer", "assignor": "range", "leader": members[0].member_id if members else None,
        "coordinator": 2, "pending_members": 0, "members": tuple(members), "offsets": tuple(offsets), "rebalances": (),
    }  # fmt: skip
    return GroupView(**{**values, **more})  # type: ignore[arg-type]


def producer(name: str, topic_name: str, rate: float, history: Sequence[int] = (), **more: object) -> ProducerView:
    """A running producer."""
    history = tuple(history) or tuple(int(rate * (1 + 0.25 * math.sin(at / 3))) for at in range(60))
    values = {
        "name": name, "topic": topic_name, "state": ClientState.RUNNING, "template": "orders", "keys": "no key",
        "rate": rate, "measured": float(history[-1]), "history": history, "acks": "all", "partitioner": "default",
        "compression": "none", "sent": 12_340, "acked": 12_331, "failed": 0, "buffered": 9,
    }  # fmt: skip
    return ProducerView(**{**values, **more})  # type: ignore[arg-type]


def consumer(of: MemberView, group_id: str, measured: float = 60.0, **more: object) -> ConsumerView:
    """A running consumer that is the member `of` its group."""
    values = {
        "name": of.client_id, "group_id": group_id, "topics": of.topics, "state": ClientState.RUNNING,
        "member_id": of.member_id, "generation": 7, "assignment": of.assignment,
        "positions": tuple((tp, 11_950) for tp in of.assignment), "processed": 35_120, "measured": measured,
        "history": tuple(int(measured * (1 + 0.2 * math.sin(at / 4))) for at in range(60)), "processing_ms": 2.0,
        "jitter": 0.3, "commit": "auto", "assignor": "range", "heartbeating": True,
        "activity": f"processing {of.assignment[0]} @ 11,950" if of.assignment else "waiting for partitions",
    }  # fmt: skip
    return ConsumerView(**{**values, **more})  # type: ignore[arg-type]


def rebalance(
    group_id: str, generation: int, cause: str, moves: Sequence[tuple[TopicPartition, str | None, str | None, float]],
    ago_ms: float, **more: object,
) -> Rebalance:  # fmt: skip
    """A rebalance that took 812 ms and ended `ago_ms` ago."""
    ended = NOW - ago_ms
    began = ended - 812
    values = {
        "group_id": group_id, "from_generation": generation - 1, "to_generation": generation, "cause": cause,
        "assignor": "range", "cooperative": False, "began_ms": began, "ended_ms": ended,
        "phases": (
            Phase("PreparingRebalance", "waiting for every member to rejoin", began, began + 610),
            Phase("CompletingRebalance", "the leader assigns, the others wait for it", began + 610, began + 700),
            Phase("Taking over", "members look up their offsets and fetch", began + 700, ended),
        ),
        "joined": (), "left": (), "dropped": (), "leader": "billing-1",
        "moves": tuple(Move(*move) for move in moves),
    }  # fmt: skip
    return Rebalance(**{**values, **more})  # type: ignore[arg-type]


def world(**more: object) -> World:
    """A world with three brokers, and what is given."""
    values = {
        "lab": "first", "now_ms": NOW, "began_ms": BEGAN, "speed": 1.0, "paused": False,
        "brokers": tuple(
            BrokerView(number, True, number == 1, leads=18, replicas=18, size_bytes=8_400_000) for number in (1, 2, 3)
        ),
        "topics": (), "groups": (), "producers": (), "consumers": (), "throughput": Throughput((), (), ()),
    }  # fmt: skip
    return World(**{**values, **more})  # type: ignore[arg-type]


def empty() -> World:
    """A lab in which nothing was made yet."""
    return world(lab="empty", throughput=Throughput((0,) * 120, (0,) * 120, (0,) * 120))


def flow(produced: float, consumed: float, lag: float) -> Throughput:
    """Two minutes that waver around the figures."""
    waves = [math.sin(at / 9) * 0.18 + math.sin(at / 2.3) * 0.06 for at in range(120)]
    return Throughput(
        tuple(int(produced * (1 + wave)) for wave in waves),
        tuple(int(consumed * (1 + wave * 0.7)) for wave in waves[::-1]),
        tuple(int(lag * (1 + wave * 2)) for wave in waves),
    )


ENDS = (12_331, 11_904, 12_010, 12_127, 11_876, 12_240)


def tps(name: str, *numbers: int) -> tuple[TopicPartition, ...]:
    """Partitions of a topic."""
    return tuple(TopicPartition(name, number) for number in numbers)


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
            producer("web-1", "orders", 40.0, keys="Zipf over 100"),
            producer("web-2", "orders", 20.0, (20,) * 60),
        ),
        consumers=(consumer(one, "billing", 31.0), consumer(two, "billing", 29.0)),
        throughput=flow(60, 59, 198),
    )


def internal() -> TopicView:
    """`__consumer_offsets`, with records in the partition of one group."""
    ends = [0] * 50
    ends[17] = 412
    return topic("__consumer_offsets", ends, internal=True, config=(("cleanup.policy", "compact"),))


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
            producer("web-1", "orders", 120.0, keys="Zipf over 100"),
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


def copied(log: PartitionView, ends: dict[int, int], isr: tuple[int, ...], down: tuple[int, ...] = ()) -> PartitionView:
    """The partition with copies that end where `ends` says, broker by broker; the first of `ends` is preferred."""
    high = min((ends[broker_id] for broker_id in isr), default=log.log_end_offset)
    copies = tuple(
        ReplicaView(broker_id, broker_id not in down, end, min(high, end), log.leader_epoch)
        for broker_id, end in ends.items()
    )
    return replace(log, replicas=tuple(ends), isr=isr, copies=copies, high_watermark=high)


def torn() -> World:
    """The first world in three copies with broker 3 down: followers lag, one leader is gone, one has just died."""
    before = first()
    orders = before.topics[0]
    logs = list(orders.partitions)
    for at, log in enumerate(logs):
        leader, end = log.leader or 1, log.log_end_offset
        others = [broker_id for broker_id in (1, 2, 3) if broker_id != leader]
        logs[at] = copied(log, {leader: end, **dict.fromkeys(others, end)}, (leader, *others))
    ends = [log.log_end_offset for log in logs]
    logs[0] = copied(logs[0], {1: ends[0], 2: ends[0] - 16, 3: ends[0] - 31}, (1, 2, 3))
    logs[1] = copied(logs[1], {2: ends[1], 3: ends[1] - 400, 1: ends[1]}, (2, 1), down=(3,))
    logs[2] = copied(logs[2], {3: ends[2], 1: ends[2], 2: ends[2]}, (3, 1, 2), down=(3,))
    logs[3] = replace(copied(logs[3], {1: ends[3], 2: ends[3] - 9, 3: ends[3] - 400}, (1,), down=(3,)),
                      high_watermark=ends[3] - 9)  # fmt: skip
    logs[5] = replace(copied(logs[5], {3: ends[5], 1: ends[5] - 7, 2: ends[5] - 7}, (3,), down=(3,)), leader=None)
    torn = replace(orders, replication_factor=3, partitions=tuple(logs), config=(("min.insync.replicas", "2"),))
    one, two, three = before.brokers
    return replace(
        before, lab="torn", topics=(torn, *before.topics[1:]), brokers=(one, two, replace(three, alive=False))
    )


def connection(number: int, client_id: str, broker_id: int, **more: object) -> ConnectionView:
    """A busy connection of librdkafka's from this machine."""
    values = {
        "number": number, "broker_id": broker_id, "client_id": client_id, "software": "librdkafka", "version": "2.6.1",
        "address": f"127.0.0.1:{53_100 + number}", "requests": 120 * number, "requests_per_s": 4.0 + number,
        "bytes_in_per_s": 312.0 * number, "bytes_out_per_s": 9_420.0 * number, "last_request": "Fetch",
    }  # fmt: skip
    return ConnectionView(**{**values, **more})  # type: ignore[arg-type]


def listening(**more: object) -> ListeningView:
    """Three open ports on loopback, four connections of two clients, the second watched."""
    addresses = tuple(AddressView(at + 1, "127.0.0.1", 9092 + at, True) for at in range(3))
    requests = (
        RequestView(NOW - 1_240, "JoinGroup", 9, "group_id=billing session_timeout_ms=45000 member_id=rdkafka-7 "
                    "protocol_type=consumer protocols=[(name=range metadata=25 bytes), (name=roundrobin metadata=25 "
                    "bytes)]", "generation_id=3 protocol_name=range leader=billing-1-5f0c009e member_id=rdkafka-7",
                    187, 98, 611.4),
        RequestView(NOW - 600, "SyncGroup", 5, "group_id=billing generation_id=3 member_id=rdkafka-7",
                    "assignment=30 bytes", 92, 60, 18.2),
        RequestView(NOW - 540, "OffsetFetch", 7, "group_id=billing topics=[(name=orders partition_indexes=[4, 5])] "
                    "require_stable=True", "topics=[(name=orders partitions=[(partition_index=4 "
                    "committed_offset=11873), (partition_index=5 committed_offset=12210)])]", 71, 88, 1.3),
        RequestView(NOW - 80, "Heartbeat", 4, "group_id=billing generation_id=3 member_id=rdkafka-7", "", 66, 0, None),
    )  # fmt: skip
    values = {
        "addresses": addresses,
        "connections": (
            connection(1, "rdkafka", 1, requests_per_s=0.0, bytes_in_per_s=0.0, bytes_out_per_s=0.0,
                       last_request="Metadata"),
            connection(2, "rdkafka", 2, last_request="Heartbeat"),
            connection(3, "rdkafka", 3),
            connection(4, "shop-service-1", 1, software="apache-kafka-java", version="4.1.0", last_request="Produce"),
        ),
        "watched": 2,
        "requests": requests,
    }  # fmt: skip
    return ListeningView(**{**values, **more})  # type: ignore[arg-type]


def visited(**more: object) -> World:
    """The first world, open to clients; one of them is a member of billing."""
    before = first()
    one, two = (replace(each, topics=("orders",)) for each in before.groups[0].members)
    one = replace(one, assignment=tps("orders", 0, 1))
    two = replace(two, assignment=tps("orders", 2, 3))
    theirs = member(
        2, "rdkafka", tps("orders", 4, 5), host="127.0.0.1", software="librdkafka 2.6.1", session_timeout_ms=45_000,
        session_expires_ms=NOW + 43_200, assignors=("range", "roundrobin"),
    )  # fmt: skip
    owners = (one, one, two, two, theirs, theirs)
    offsets = [
        replace(offset, owner=owner.member_id, position=offset.position if owner is not theirs else None)
        for offset, owner in zip(before.groups[0].offsets, owners, strict=True)
    ]
    billing = group("billing", (one, two, theirs), offsets, generation=3, rebalances=before.groups[0].rebalances)
    lab = replace(before, lab="visited", groups=(billing,), listening=listening())
    return replace(lab, **more)  # type: ignore[arg-type]


def paused() -> World:
    """The same, standing still."""
    return visited(lab="paused", paused=True, speed=4.0)


def kept() -> World:
    """Moments of it are kept: one before something was broken, one by hand, one that was left by going back."""
    now = paused()
    written = sum(log.log_end_offset for each in now.topics if not each.internal for log in each.partitions)
    moments = (
        MomentView(3, now.now_ms - 152_000, "before crash: billing-2", True, written - 4_310, 3_820_000),
        MomentView(4, now.now_ms - 61_000, "kept by hand", False, written - 1_045, 5_100_000),
        MomentView(7, now.now_ms + 30_000, "before going back from here", True, written + 702, 5_900_000),
    )
    return replace(now, moments=moments)


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


def lossy() -> World:
    """The first world after a leader crashed that took acks=1, and a consumer that commits before processing."""
    before = first()
    ledger = LedgerView(
        (
            ProducerLedger("web-1", "1", 48_204, 48_190, 3, 0),
            ProducerLedger("web-2", "0", 12_031, 0, 0, 212),
            ProducerLedger("web-3", "all", 1_204_331, 1_204_300, 0, 0),
        ),
        (GroupLedger("audit", 40_112, 0, 412, 0), GroupLedger("billing", 59_001, 1_204, 0, 3)),
    )
    return replace(before, lab="lossy", ledger=ledger)


def on_three(
    name: str,
    number: int,
    ends: Sequence[int],
    isr: Sequence[int] = (1, 2, 3),
    down: Sequence[int] = (),
    **more: object,
) -> PartitionView:
    """A partition with a copy on each of three brokers, which end at `ends`; led in turn unless said otherwise."""
    leader = more.pop("leader", number % 3 + 1)
    copies = tuple(
        ReplicaView(broker, broker not in down, end, end, 0) for broker, end in zip((1, 2, 3), ends, strict=True)
    )
    end = max((copy.log_end_offset for copy in copies if copy.alive), default=max(ends))
    return partition(name, number, 0, end, leader=leader, replicas=(1, 2, 3), isr=tuple(isr), copies=copies, **more)


def broken() -> World:
    """Three copies of each partition; broker 1 crashed and is not missed yet, broker 3 lags behind and is cut off."""
    before = first()
    ends = [(end, end, end - 3 * at) for at, end in enumerate(ENDS)]
    views = tuple(
        on_three("orders", at, each, (1, 2) if at else (1, 2, 3), (1,), leader=1 if at % 3 == 0 else 2)
        for at, each in enumerate(ends)
    )
    one, two, three = before.brokers
    brokers = (
        replace(one, alive=False, leads=0, replicas=0, size_bytes=0, session_expires_ms=NOW + 4_200),
        replace(two, leads=19, replicas=56, slow_ms=500.0, lost_answers=0.5),
        replace(three, leads=19, replicas=56, cut_from=(0, 1, 2)),
    )
    ledger = LedgerView(
        (ProducerLedger("web-1", "all", 48_204, 48_190, 0, 0), ProducerLedger("acks-1-by-hand", "1", 2, 2, 1, 0)),
        (GroupLedger("billing", 48_001, 12, 0, 0),),
    )
    orders = replace(before.topics[0], partitions=views, replication_factor=3)
    return replace(before, lab="broken", brokers=brokers, topics=(orders, *before.topics[1:]), ledger=ledger)


def moving() -> World:
    """One partition is being moved to another broker, one has no leader any more, the others are whole."""
    before = first()
    views = [on_three("orders", at, (end, end, end)) for at, end in enumerate(ENDS)]
    end = ENDS[1]
    copies = (ReplicaView(2, True, end, end, 0), ReplicaView(1, True, end, end, 0), ReplicaView(3, True, 4_711, 0, 0))
    views[1] = replace(views[1], replicas=(2, 3, 1), isr=(1, 2), target=(2, 3), leader=2, copies=copies)
    views[2] = on_three("orders", 2, (ENDS[2] - 57, ENDS[2] - 40, ENDS[2]), (3,), (1, 3), leader=None, leader_epoch=4)
    orders = replace(before.topics[0], partitions=tuple(views), replication_factor=3)
    return replace(before, lab="moving", topics=(orders, *before.topics[1:]))


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


HOSTILE = (
    "[bold red]markup[/] [@click=app.exit]x[/]",
    "订单处理服务 オーダー 🦊🦊",
    "e\u0301a\u0308 z\u0363\u035b\u0321algo \u0301first",
    "esc\x1b[2J\x1b]0;title\x07 bell\x07 nul\x00 cr\r lf\n",
    "rtl \u202eabc\u202c \u2066iso\u2069 zero\u200bwidth",
    "a-name-so-long-that-it-cannot-fit-anywhere-" * 4,
)


def hostile() -> World:
    """Names that try to break the screen. Topics have Kafka's own rule for names; group and client ids have none."""
    names = HOSTILE
    members = tuple(member(at, name, tps("orders", at % 6)) for at, name in enumerate(names))
    offsets = [standing(TopicPartition("orders", at), end, members[at], 10 * at, at) for at, end in enumerate(ENDS)]
    longest = "a.topic-name_as-long-as.Kafka-allows." * 6
    return world(
        lab=names[3],
        topics=(topic("orders", ENDS), topic(longest, (1, 2, 3))),
        groups=tuple(group(name, members if at == 0 else (), offsets) for at, name in enumerate(names)),
        producers=tuple(
            producer(name, longest, 10.0, keys=f"one key: {name}", last_error=name) for name in names
        ),
        consumers=tuple(consumer(each, names[0], activity=names[3]) for each in members),
        throughput=flow(60, 59, 150),
        undo=names[0],
    )  # fmt: skip


def events(of: World) -> tuple[Event, ...]:
    """What happened in a world, told by its groups' history and a few words more, oldest first."""
    told: list[Event] = [
        Told(at_ms=BEGAN + 200, subject=each.name, text=f"Topic {each.name} was made with {len(each.partitions)} "
             f"partitions on 3 brokers.", how=Tone.GOOD)
        for each in of.topics if not each.internal
    ]  # fmt: skip
    told += [
        Told(at_ms=BEGAN + 400, subject=each.name, text=f"{each.name} sends {each.rate:g} records/s to {each.topic}.")
        for each in of.producers
    ]
    for each in of.groups:
        for past in each.rebalances:
            for size, name in enumerate(past.joined, start=past.to_generation - 1):
                told.append(MemberJoined(at_ms=past.began_ms, subject=each.group_id, member=name, size=max(size, 1)))
            told.append(
                RebalanceStarted(
                    at_ms=past.began_ms + 1, subject=each.group_id, cause=past.cause, generation=past.from_generation,
                    cooperative=past.cooperative, assignor=past.assignor, members=len(each.members),
                    protocol=past.protocol,
                )
            )  # fmt: skip
            if past.ended_ms is not None:
                told.append(RebalanceCompleted(at_ms=past.ended_ms, subject=each.group_id, rebalance=past))
    told += [
        MemberLeft(at_ms=of.now_ms - 90_000, subject=each.group_id, member=each.name,
                   why="its session of 10.0 s ran out", expected=False)
        for each in of.consumers if each.state is ClientState.CRASHED
    ]  # fmt: skip
    return tuple(sorted(told, key=lambda event: event.at_ms))


WORLDS = {
    "empty": empty, "first": first, "busy": busy, "hostile": hostile, "crowd": crowd, "crashed": crashed,
    "torn": torn, "lossy": lossy, "broken": broken, "moving": moving,
    "visited": visited, "paused": paused, "kept": kept,
    "reconciling": reconciling, "transacting": transacting,
}  # fmt: skip
