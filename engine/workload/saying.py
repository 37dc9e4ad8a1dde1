"""What the verbs of the workload tell: what happened, why it matters, what follows."""

from __future__ import annotations

from engine.events import Tone
from engine.types import TopicPartition
from engine.wording import plural
from engine.workload.spec import ConsumerSpec, ProducerSpec

Said = tuple[str, Tone]


def producer_spawned(name: str, spec: ProducerSpec) -> Said:
    """A producer began."""
    how = "paused for now" if spec.paused else f"{_rate(spec.rate)}, {spec.keys.words()}"
    spread = {"default": "a batch to one partition, the next to another", "roundrobin": "to each partition in turn"}
    where = (
        spread.get(spec.partitioner, "to any partition")
        if spec.keys.kind == "none"
        else "the same key always to the same partition"
    )
    if spec.transactional_id:
        where += f", in transactions ({spec.transactions()})"
    return f"{name} began to send {spec.template} to topic {spec.topic}: {how}; {where}.", Tone.GOOD


def consumer_spawned(name: str, spec: ConsumerSpec) -> Said:
    """A consumer began."""
    topics = _several(spec.topics)
    if spec.writes_to:
        how = (
            "in one transaction with its offsets, so each record counts once there"
            if spec.transactional
            else "without transactions, so after a crash some records are there twice"
        )
        return f"{name} started in {spec.group_id}: it reads {topics} and writes to {spec.writes_to}, {how}.", Tone.GOOD
    return (
        f"{name} started and asks to join {spec.group_id}, for {topics}. The group rebalances to make room for it.",
        Tone.GOOD,
    )


def producer_stopped(name: str, acked: int) -> Said:
    """A producer ended cleanly."""
    count = f"{plural(acked, 'record')} {'was' if acked == 1 else 'were'}"
    return f"{name} was stopped. Its buffer was sent first, so nothing is lost; {count} acknowledged.", Tone.CHANGE


def consumer_stopped(name: str, spec: ConsumerSpec, partitions: int) -> Said:
    """A consumer ended cleanly."""
    if spec.group_instance_id is not None and partitions:
        follows = (
            "As a static member it does not leave its group: its partitions wait for it for "
            f"{seconds(spec.session_timeout_ms)}"
        )
    elif partitions:
        follows = f"It said goodbye to {spec.group_id}, so its partitions go to others at once"
    else:
        follows = f"It said goodbye to {spec.group_id}"
    committed = "what it processed is committed" if spec.commit != "before" else "what it polled was committed before"
    return f"{name} was stopped; {committed}. {follows}.", Tone.CHANGE


def producer_crashed(name: str, spec: ProducerSpec, lost: int, in_transaction: bool) -> Said:
    """A producer ended at once."""
    records = plural(lost, "record")
    follows = f"{records} in its buffer are lost" if lost else "Its buffer was empty, so nothing is lost"
    if in_transaction:
        follows = _left_open(spec.topic, spec.transaction_timeout_ms)
    return f"{name} crashed. {follows}.", Tone.LOSS if lost else Tone.WARNING


def consumer_crashed(name: str, spec: ConsumerSpec, partitions: int) -> Said:
    """A consumer ended at once."""
    text = (
        f"{name} crashed: no goodbye was sent. Its group will notice in up to {seconds(spec.session_timeout_ms)}, "
        "when its session runs out"
    )
    if not partitions:
        return f"{text}.", Tone.WARNING
    if spec.writes_to and spec.transactional:
        return f"{text}. {_left_open(spec.writes_to, spec.transaction_timeout_ms)}.", Tone.WARNING
    whose = "its partition" if partitions == 1 else f"its {partitions} partitions"
    again = {
        "auto": " What it processed since its last automatic commit will be delivered again.",
        "after": " What it processed of its last poll will be delivered again.",
        "before": " What it polled but did not process will never be delivered again.",
    }[spec.commit]
    return f"{text}; until then nobody reads {whose}.{again}", Tone.LOSS


def _left_open(topic: str, timeout_ms: float) -> str:
    return (
        f"Its transaction stays open, and holds up who reads committed records of {topic}, until it is started again "
        f"or transaction.timeout.ms ({seconds(timeout_ms)}) is over"
    )


def ended_by_itself(name: str, why: str) -> Said:
    """A client could not go on."""
    return f"{name} gave up: {why} Mend that, then restart it.", Tone.LOSS


def could_not_return(name: str, why: str) -> Said:
    """A client could not be taken up again."""
    return f"{name} could not be brought back: {why} Restart it when that is mended.", Tone.LOSS


def restarted(name: str, spec: ProducerSpec | ConsumerSpec) -> Said:
    """A client began anew."""
    if isinstance(spec, ProducerSpec):
        return f"{name} is back and sends to {spec.topic} again.", Tone.GOOD
    as_who = (
        f"the static member {spec.group_instance_id}"
        if spec.group_instance_id is not None
        else "a new member: its group does not know it from before"
    )
    return f"{name} is back and joins {spec.group_id} as {as_who}.", Tone.GOOD


def removed(name: str) -> Said:
    """A client was taken off the list."""
    return f"{name} was removed from the lab. What it sent and committed stays.", Tone.CHANGE


def paused(name: str, spec: ProducerSpec | ConsumerSpec) -> Said:
    """A client rests."""
    if isinstance(spec, ProducerSpec):
        return f"{name} is paused: it sends nothing until it is resumed.", Tone.CHANGE
    return f"{name} is paused: it stays in {spec.group_id} and keeps its partitions, but their lag grows.", Tone.CHANGE


def resumed(name: str, spec: ProducerSpec | ConsumerSpec) -> Said:
    """A client works again."""
    how = f"sends {_rate(spec.rate)}" if isinstance(spec, ProducerSpec) else "takes records again"
    return f"{name} was resumed: it {how}.", Tone.GOOD


def rate_set(name: str, before: float, now: float) -> Said:
    """A producer's rate changed."""
    follows = " It sends nothing until it is raised." if not now else ""
    return f"{name} goes from {before:,g} to {_rate(now)}.{follows}", Tone.INFO


def processing_set(name: str, before: float, spec: ConsumerSpec) -> Said:
    """A consumer's pace changed."""
    now = spec.processing_ms
    most = f"at most {1000 / now:,.0f} records/s" if now else "as fast as it can"
    poll_ms = spec.max_poll_records * now
    if poll_ms > spec.max_poll_interval_ms:
        return (
            f"{name} takes {now:g} ms a record (before: {before:g}). A full poll of {spec.max_poll_records:,} records "
            f"takes {seconds(poll_ms)}, longer than max.poll.interval.ms allows "
            f"({seconds(spec.max_poll_interval_ms)}): it will drop out of {spec.group_id}.",
            Tone.WARNING,
        )
    return f"{name} takes {now:g} ms a record (before: {before:g}): {most}.", Tone.INFO


def hung(name: str, spec: ConsumerSpec) -> Said:
    """A consumer got stuck."""
    return (
        f"{name} hangs in processing. It still sends heartbeats, so {spec.group_id} takes it for alive; after "
        f"{seconds(spec.max_poll_interval_ms)} without a poll (max.poll.interval.ms) it leaves and others take over.",
        Tone.WARNING,
    )


def unhung(name: str) -> Said:
    """A consumer came free."""
    return f"{name} came free and finishes the record it hung in. If its partitions went to others, it rejoins.", (
        Tone.GOOD
    )


def heartbeats_stopped(name: str, spec: ConsumerSpec) -> Said:
    """A consumer went silent."""
    return (
        f"{name} falls silent: no heartbeats, no commits, but it works on. In up to {seconds(spec.session_timeout_ms)} "
        f"{spec.group_id} takes it for dead and gives its partitions to others; from then on the same records are "
        "processed twice.",
        Tone.WARNING,
    )


def heartbeats_resumed(name: str, spec: ConsumerSpec) -> Said:
    """A consumer speaks again."""
    return (
        f"{name} sends heartbeats again. If {spec.group_id} dropped it meanwhile, it is told so and rejoins.",
        Tone.GOOD,
    )


def log_truncated(name: str, tp: TopicPartition, before: int, after: int | None) -> Said:
    """A consumer found that a leader's log has not got what it read."""
    follows = (
        f"from offset {after:,} on it holds other records, and {name} goes on from there"
        if after is not None
        else f"nobody knows from where on, so auto.offset.reset says where {name} goes on"
    )
    return (
        f"{name} had read {tp} up to offset {before:,}, and its new leader has not got all of that: {follows}.",
        Tone.WARNING,
    )


def seconds(ms: float) -> str:
    """A span as a person reads it: "10.0 s", "5 min"."""
    if ms < 1000:
        return f"{ms:.0f} ms"
    return f"{ms / 1000:.1f} s" if ms < 120_000 else f"{round(ms / 60_000, 1):g} min"


def _rate(rate: float) -> str:
    return f"{rate:,g} records/s" if rate < 1_000_000 else f"{rate:,.0f} records/s"


def _several(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
