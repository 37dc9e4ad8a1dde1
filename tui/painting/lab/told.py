"""Everything about a producer, a consumer, a member from outside or a partition, as labels and values."""

from __future__ import annotations

from collections.abc import Sequence

from engine.snapshot import (
    ConnectionView,
    ConsumerView,
    GroupOffsetView,
    GroupProtocol,
    MemberView,
    PartitionView,
    ProducerView,
)
from engine.wording import plural
from tui.painting.lab.bar import COMMITTED, PENDING, PROCESSED, UNREPLICATED
from tui.painting.lab.clients import GONE
from tui.painting.lab.copies import health_of, sentence_of
from tui.painting.text import clean, countdown, duration, number, rate, size

Rows = list[tuple[str, str]]
"""Labels and values."""
COMMITS = {"auto": "every few seconds", "after": "after processing", "before": "before processing"}


def of_producer(producer: ProducerView) -> Rows:
    """Everything about a producer, as labels and values."""
    rows = [
        ("state", producer.state.value),
        ("sends to", clean(producer.topic)),
        ("template", producer.template),
        ("keys", clean(producer.keys)),
        ("partitioner", producer.partitioner),
        ("rate", f"{rate(producer.measured)} of {rate(producer.rate)} asked for"),
        ("acks", producer.acks),
        ("compression", producer.compression),
        ("in its buffer", plural(producer.buffered, "record")),
        ("acknowledged", f"{producer.acked:,} of {producer.sent:,} sent"),
        ("failed", f"{producer.failed:,}"),
    ]
    if producer.transactional_id:
        rows.append(("transactions", f"as {clean(producer.transactional_id)}: {producer.transactions}"))
    if producer.last_error:
        rows.append(("last error", clean(producer.last_error)))
    return rows


def of_consumer(consumer: ConsumerView, member: MemberView | None, lag: int, now_ms: float) -> Rows:
    """Everything about a consumer, as labels and values."""
    held = ", ".join(str(tp) for tp in consumer.assignment)
    rows = [
        ("state", f"{consumer.state.value}: {clean(consumer.activity)}" if consumer.activity else consumer.state.value),
        ("group", f"{clean(consumer.group_id)}, {_counted(consumer)} {consumer.generation}"),
        ("subscribes to", ", ".join(clean(topic) for topic in consumer.topics)),
        ("owns", clean(held) or "nothing"),
        ("lag", plural(lag, "record")),
        ("processes", f"{rate(consumer.measured)}, {consumer.processed:,} so far"),
        ("takes", f"{duration(consumer.processing_ms)} a record, jitter {consumer.jitter:g}"),
        ("commits", "in the transactions it writes in" if consumer.transactional else COMMITS[consumer.commit]),
        ("assignor", consumer.assignor),
        ("member id", clean(consumer.member_id) or "none yet"),
    ]  # fmt: skip
    if consumer.writes_to:
        rows.append(("writes to", clean(consumer.writes_to)))
    if consumer.transactional:
        rows.append(("transactional id", f"{clean(consumer.name)}; 6 shows how far its transaction has come"))
    if consumer.isolation_level != "read_uncommitted":
        rows.append(("isolation", consumer.isolation_level))
    if consumer.group_instance_id:
        rows.append(("instance id", clean(consumer.group_instance_id)))
    if member is not None:
        rows.append(_heartbeat(member, now_ms))
    elif consumer.state not in GONE:
        rows.append(("heartbeat", "it is not in its group"))
    if consumer.last_error:
        rows.append(("last error", clean(consumer.last_error)))
    return rows


def of_outsider(member: MemberView, group: str, lag: int, now_ms: float) -> Rows:
    """Everything the group knows of a member that is not of this lab, as labels and values."""
    rows = [
        ("software", clean(member.software) or "it did not say"),
        ("address", clean(member.host)),
        ("group", group + (", whose leader it is" if member.leader else "")),
        ("subscribes to", ", ".join(clean(topic) for topic in member.topics)),
        ("owns", ", ".join(clean(str(tp)) for tp in member.assignment) or "nothing"),
        ("lag", plural(lag, "record")),
        ("assignors", ", ".join(clean(each) for each in member.assignors)),
        ("member id", clean(member.member_id)),
        _heartbeat(member, now_ms),
        ("session", f"{duration(member.session_timeout_ms)}; {duration(member.rebalance_timeout_ms)} to rejoin"),
    ]  # fmt: skip
    if member.group_instance_id:
        rows.append(("instance id", clean(member.group_instance_id)))
    return rows


def _heartbeat(member: MemberView, now_ms: float) -> tuple[str, str]:
    age = f"{duration(now_ms - member.last_heartbeat_ms)} ago"
    return "heartbeat", f"{age}; session ends in {countdown(member.session_expires_ms - now_ms)} without one"


def of_connections(connections: Sequence[ConnectionView]) -> Rows:
    """What passes on the connections of a client from outside."""
    if not connections:
        return []
    brokers = ", ".join(f"b{each}" for each in sorted({each.broker_id for each in connections}))
    inward, outward = (
        sum(getattr(each, name) for each in connections) for name in ("bytes_in_per_s", "bytes_out_per_s")
    )
    return [
        ("connections", f"{len(connections)}, to {brokers}; 0 shows what passes on them"),
        ("asks", f"{rate(round(sum(each.requests_per_s for each in connections), 1))}; {size(inward)}/s in, "
                 f"{size(outward)}/s out"),
    ]  # fmt: skip


def of_copies(log: PartitionView, least: int) -> Rows:
    """Everything about the copies of a partition, as labels and values."""
    health = health_of(log, least)
    return [
        ("copies", sentence_of(log, health, least)),
        ("leader", f"broker {log.leader}, epoch {log.leader_epoch}" if log.leader is not None else "nobody"),
        ("replicas", ", ".join(map(str, log.replicas))),
        ("in sync (ISR)", ", ".join(map(str, log.isr)) + f"; acks=all needs {least}"),
        ("log start", number(log.log_start_offset)),
        ("high watermark", f"{number(log.high_watermark)}: consumers read up to here"),
        *_stable(log),
        ("log end", number(log.log_end_offset)),
    ]


def _stable(log: PartitionView) -> Rows:
    """Up to where committed records are read, where that is not the high watermark."""
    if not 0 <= log.last_stable_offset < log.high_watermark:
        return []
    whose = ", ".join(f"producer id {producer_id} since {number(at)}" for producer_id, at in log.open_transactions)
    why = f"a transaction is open: {whose}" if whose else "a marker is not copied everywhere yet"
    return [("last stable", f"{number(log.last_stable_offset)}: read_committed reads up to here; {why}")]


def of_marks(log: PartitionView, standing: GroupOffsetView | None, group: str) -> Rows:
    """The marks of the bar as labels, and what each of them stands for in this log and for this group."""
    end, high = log.log_end_offset, log.high_watermark
    above = plural(end - high, "record") + " above the high watermark: no consumer may read them before every copy in"
    rows = [(f"{UNREPLICATED} not replicated", f"{above} sync has them")] if end > high else []
    if standing is None:
        return rows
    done = standing.committed if standing.committed is not None else log.log_start_offset
    read = max(done, standing.position if standing.position is not None else done)
    committed = (
        "nothing yet" if standing.committed is None else f"{group} is done with everything before {number(done)}"
    )
    again = f"{plural(read - done, 'record')} read and not committed; read again after a crash"
    return [
        (f"{COMMITTED} committed", committed),
        (f"{PROCESSED} processed", again if read > done else "nothing that is not committed"),
        (f"{PENDING} pending", f"{plural(high - read, 'record')} to be read" if high > read else "nothing to be read"),
        *rows,
    ]


def _counted(consumer: ConsumerView) -> str:
    return "consumer protocol, epoch" if consumer.protocol is GroupProtocol.CONSUMER else "generation"
