"""Worlds that are open to clients from outside."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import AddressView, ConnectionView, ListeningView, RequestView, WatchedView, World
from tests.tui.worlds.parts import NOW, group, member, tps
from tests.tui.worlds.plain import first


def connection(number: int, client_id: str, broker_id: int, **more: object) -> ConnectionView:
    """A busy connection of librdkafka's from this machine."""
    values = {
        "number": number, "broker_id": broker_id, "client_id": client_id, "software": "librdkafka", "version": "2.6.1",
        "address": f"127.0.0.1:{53_100 + number}", "requests": 120 * number, "requests_per_s": 4.0 + number,
        "bytes_in_per_s": 312.0 * number, "bytes_out_per_s": 9_420.0 * number, "last_request": "Fetch",
    }  # fmt: skip
    return ConnectionView(**{**values, **more})  # type: ignore[arg-type]


def listening(**more: object) -> ListeningView:
    """Three open ports on loopback, four connections of two clients, the first watched."""
    addresses = tuple(AddressView(at + 1, "127.0.0.1", 9092 + at, True) for at in range(3))
    requests = (
        RequestView(2, NOW - 1_240, "JoinGroup", 9, "group_id=billing session_timeout_ms=45000 member_id=rdkafka-7 "
                    "protocol_type=consumer protocols=[(name=range metadata=25 bytes), (name=roundrobin metadata=25 "
                    "bytes)]", "generation_id=3 protocol_name=range leader=billing-1-5f0c009e member_id=rdkafka-7",
                    187, 98, 611.4),
        RequestView(2, NOW - 600, "SyncGroup", 5, "group_id=billing generation_id=3 member_id=rdkafka-7",
                    "assignment=30 bytes", 92, 60, 18.2),
        RequestView(2, NOW - 540, "OffsetFetch", 7, "group_id=billing topics=[(name=orders partition_indexes=[4, 5])] "
                    "require_stable=True", "topics=[(name=orders partitions=[(partition_index=4 "
                    "committed_offset=11873), (partition_index=5 committed_offset=12210)])]", 71, 88, 1.3),
        RequestView(2, NOW - 80, "Heartbeat", 4, "group_id=billing generation_id=3 member_id=rdkafka-7", "", 66, 0,
                    None),
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
        "watched": WatchedView("rdkafka", False, (1, 2, 3)),
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
