"""What is to be seen of driven producers and consumers, as frozen views for the snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.snapshot import ClientState, ConsumerView, GroupProtocol, ProducerView

if TYPE_CHECKING:
    from engine.workload.consuming import DrivenConsumer
    from engine.workload.producing import DrivenProducer

HISTORY_S = 60


def producer_view(driven: DrivenProducer, now_ms: float) -> ProducerView:
    """A producer as it is now."""
    spec = driven.spec
    return ProducerView(
        name=driven.name,
        topic=spec.topic,
        state=driven.state,
        template=spec.template,
        keys=spec.keys.words(),
        rate=spec.rate,
        measured=round(driven.meter.rate(now_ms), 1),
        history=driven.meter.past(now_ms, HISTORY_S),
        acks=spec.acks,
        partitioner=spec.partitioner,
        compression=spec.compression,
        sent=driven.sent,
        acked=driven.acked,
        failed=driven.failed,
        buffered=driven.buffered,
        last_error=driven.last_error,
        transactional_id=spec.transactional_id,
        transactions=spec.transactions(),
    )


def consumer_view(driven: DrivenConsumer, now_ms: float) -> ConsumerView:
    """A consumer as it is now."""
    spec, client = driven.spec, driven.client
    assignment = tuple(sorted(driven.assignment()))
    return ConsumerView(
        name=driven.name,
        group_id=spec.group_id,
        topics=spec.topics,
        state=driven.state,
        member_id=client.member_id if client is not None else "",
        generation=driven.generation,
        assignment=assignment,
        positions=driven.positions(),
        processed=driven.processed,
        measured=round(driven.meter.rate(now_ms), 1),
        history=driven.meter.past(now_ms, HISTORY_S),
        processing_ms=spec.processing_ms,
        jitter=spec.jitter,
        commit=spec.commit,
        assignor=spec.assignor,
        heartbeating=driven.heartbeating,
        group_instance_id=spec.group_instance_id,
        protocol=GroupProtocol(spec.protocol),
        activity=activity(driven, bool(assignment)),
        last_error=driven.last_error,
        isolation_level=spec.isolation_level,
        writes_to=spec.writes_to,
        transactional=bool(spec.writes_to) and spec.transactional,
    )


def activity(driven: DrivenConsumer, owns_any: bool) -> str:
    """What a consumer is doing, in words; empty when it does not live."""
    if not driven.alive or driven.client is None:
        return ""
    at = driven.at_record()
    if driven.state is ClientState.HUNG:
        return f"hung in processing {at}" if at else "hung before its next poll"
    if driven.state is ClientState.PAUSED:
        return "paused; still a member"
    if at:
        return f"processing {at}" + (f" → {driven.spec.writes_to}" if driven.spec.writes_to else "")
    if driven.joining:
        return f"{driven.joining} {driven.spec.group_id}"
    return "waiting for records" if owns_any else "idle: no partition for it"
