"""What must hold: seen while a run goes on (`Watch`), and looked up when it has come to rest (`at_rest`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.cluster import Cluster
from engine.errors import ErrorCode
from engine.groups.consumer_protocol import decode_assignment
from engine.messages import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    FetchRequest,
    FetchResponse,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    Request,
    SyncGroupRequest,
    SyncGroupResponse,
)
from engine.network import CLIENT, Network
from engine.records import BatchHeader, ConsumerRecord, read_records
from engine.replicas.leadership import Leadership
from engine.types import ClientInfo, TopicPartition
from tests.simulation.clients import Sending
from tests.simulation.plan import TOPIC

MOST_TOLD = 20


@dataclass(slots=True)
class Watch:
    """Listens to what clients are answered. `failures` are sentences."""

    cluster: Cluster
    lossy: bool
    """A broker's file may be deleted in this run, so what was shown may be gone."""
    failures: list[str] = field(default_factory=list)
    shown: dict[TopicPartition, dict[int, bytes]] = field(default_factory=dict)
    """Every batch a consumer was given, by its base offset."""
    committed: dict[tuple[str, TopicPartition], int] = field(default_factory=dict)
    """The largest offset whose commit was acknowledged."""
    _marks: dict[tuple[Leadership, TopicPartition], int] = field(default_factory=dict)
    _owners: dict[tuple[str, int, TopicPartition], str] = field(default_factory=dict)

    def listen(self, network: Network) -> None:
        """Look at every answer to a client from now on."""
        call = network.call

        async def listening(client: ClientInfo, node: int, request: Request[Any], *, source: int = CLIENT) -> Any:
            known = self._known(request) if source == CLIENT else {}
            answer = await call(client, node, request, source=source)
            if source == CLIENT:
                self._answered(node, request, answer, known)
            return answer

        network.call = listening  # type: ignore[method-assign]

    def fail(self, sentence: str) -> None:
        """Something does not hold."""
        if len(self.failures) < MOST_TOLD and sentence not in self.failures:
            self.failures.append(sentence)

    def _known(self, request: Request[Any]) -> dict[TopicPartition, int]:
        """What was acknowledged before this was asked, so that the answer must know of it."""
        if not isinstance(request, OffsetFetchRequest):
            return {}
        return {tp: offset for (group, tp), offset in self.committed.items() if group == request.group_id}

    def _answered(self, node: int, request: Request[Any], answer: Any, known: dict[TopicPartition, int]) -> None:
        match request, answer:
            case FetchRequest(), FetchResponse():
                self._fetched(node, answer)
            case SyncGroupRequest(), SyncGroupResponse():
                for tp in decode_assignment(answer.assignment).partitions if answer.assignment else ():
                    self._owns(request.group_id, request.generation_id, tp, request.member_id)
            case ConsumerGroupHeartbeatRequest(), ConsumerGroupHeartbeatResponse():
                for tp in answer.assignment or ():
                    self._owns(request.group_id, answer.member_epoch, tp, request.member_id)
                if answer.assignment:
                    self._shared_out(request.group_id)
            case OffsetCommitRequest(), OffsetCommitResponse():
                for tp, given in request.offsets.items():
                    if answer.errors.get(tp) is ErrorCode.NONE:
                        at = (request.group_id, tp)
                        self.committed[at] = max(self.committed.get(at, 0), given.offset)
            case OffsetFetchRequest(), OffsetFetchResponse():
                for tp, offset in known.items():
                    if request.partitions is None or tp in request.partitions:
                        now = answer.offsets[tp].offset if tp in answer.offsets else None
                        if not self.lossy and (now is None or now < offset):
                            self.fail(f"the committed offset of {tp} went back from {offset} to {now}")

    def _fetched(self, node: int, answer: FetchResponse) -> None:
        for tp, found in answer.partitions.items():
            shown = self.shown.setdefault(tp, {})
            for batch in found.batches:
                base = int.from_bytes(batch[:8], "big")
                if shown.setdefault(base, batch) != batch and not self.lossy:
                    self.fail(f"two different batches were shown at {tp} offset {base}")
            replica = self.cluster.nodes.replica(node, tp)
            if found.error is ErrorCode.NONE and replica is not None and replica.leading is not None:
                self._mark((replica.leading, tp), found.high_watermark)

    def _mark(self, at: tuple[Leadership, TopicPartition], mark: int) -> None:
        before = self._marks.get(at, 0)
        # Answers may overtake each other, so what counts is what the leader itself says.
        now = at[0].high_watermark
        if now < before:
            self.fail(f"the high watermark of {at[1]} went back from {before} to {now} within one leadership")
        self._marks[at] = max(before, mark, now)

    def _shared_out(self, group_id: str) -> None:
        group = self.cluster.snapshot().group(group_id)
        owned = [tp for member in group.members for tp in member.assignment] if group is not None else []
        for tp in {tp for tp in owned if owned.count(tp) > 1}:
            self.fail(f"{tp} is two members' of {group_id} at once")

    def _owns(self, group: str, generation: int, tp: TopicPartition, member: str) -> None:
        owner = self._owners.setdefault((group, generation, tp), member)
        if owner != member and not self.lossy:
            self.fail(f"{tp} has two owners in generation {generation} of {group}: {owner} and {member}")


async def at_rest(watch: Watch, senders: Iterable[Sending]) -> None:
    """All brokers are up and have had time to settle: do copies agree, and is everything there that must be?"""
    cluster = watch.cluster
    logs: dict[TopicPartition, list[bytes]] = {}
    for topic in cluster.controller.topics.values():
        for state in topic.partitions:
            tp = TopicPartition(topic.name, state.partition)
            logs[tp] = await _copies(watch, tp, state.leader, state.replicas, state.isr)
    for tp, batches in logs.items():
        there = {int.from_bytes(batch[:8], "big"): batch for batch in batches}
        for base, batch in watch.shown.get(tp, {}).items():
            if there.get(base) != batch and not watch.lossy:
                watch.fail(f"what consumers were shown at {tp} offset {base} is not there any more")
    if not watch.lossy:
        records = {
            tp: [record for batch in batches for record in read_records(batch, *tp)]
            for tp, batches in logs.items()
            if tp.topic == TOPIC
        }
        for sending in senders:
            _kept(watch, sending, records)


async def _copies(
    watch: Watch, tp: TopicPartition, leader: int | None, replicas: tuple[int, ...], isr: tuple[int, ...]
) -> list[bytes]:
    if leader is None or set(isr) != set(replicas):
        watch.fail(f"{tp} did not heal: leader {leader}, replicas {replicas}, in sync {isr}")
    found: dict[int, list[bytes]] = {}
    for broker_id in replicas:
        replica = watch.cluster.nodes.replica(broker_id, tp)
        if replica is None:
            watch.fail(f"broker {broker_id} holds no replica of {tp}")
            continue
        log = replica.log
        batches: list[bytes] = []
        at = log.log_start_offset
        while at < log.flushed_offset and (some := await log.read(at, 1 << 20)):
            batches += some
            at = BatchHeader.parse(some[-1]).last_offset + 1
        found[broker_id] = batches
        busy = tp.topic != TOPIC  # the group goes on committing
        if leader == broker_id and not busy and replica.high_watermark != log.log_end_offset:
            watch.fail(f"{tp} is not committed to its end: {replica.high_watermark} of {log.log_end_offset}")
    served = found.get(leader or 0, [])
    for broker_id, batches in found.items():
        if batches != served and tp.topic == TOPIC:
            at = next((n for n, pair in enumerate(zip(batches, served, strict=False)) if pair[0] != pair[1]), -1)
            watch.fail(
                f"broker {broker_id} and leader {leader} do not agree about {tp}: {len(batches)} batches and "
                f"{len(served)}, the first that differs is number {at}"
            )
    return served


def _kept(watch: Watch, sending: Sending, logs: dict[TopicPartition, list[ConsumerRecord]]) -> None:
    """Whether each record acknowledged to a producer is where it was said to be; if idempotent, in order and once."""
    places: dict[int, list[int]] = {}
    by_place: dict[tuple[TopicPartition, int], int] = {}
    for tp, records in logs.items():
        for record in records:
            headers = dict(record.headers)
            if headers["producer"] == sending.name.encode():
                sequence = int(headers["sequence"] or b"")
                places.setdefault(sequence, []).append(record.offset)
                by_place[tp, record.offset] = sequence
    latest: dict[bytes, tuple[int, int]] = {}
    for sequence, key in sending.keys.items():
        future = sending.futures.get(sequence)
        if sending.idempotent and len(places.get(sequence, ())) > 1:
            watch.fail(f"{sending.name}: record {sequence} is there {len(places[sequence])} times")
        if future is None:
            continue
        if not future.done():
            watch.fail(f"{sending.name}: record {sequence} is still neither acknowledged nor given up")
            continue
        if future.cancelled() or future.exception() is not None:
            continue
        meta = future.result()
        if by_place.get((meta.topic_partition, meta.offset)) != sequence:
            watch.fail(
                f"{sending.name}: record {sequence} was acknowledged at {meta.topic_partition} offset {meta.offset} "
                f"and is not there (it is at {places.get(sequence, 'no offset')})"
            )
            continue
        first = places[sequence][0]
        before = latest.get(key)
        if sending.idempotent and before is not None and before[1] > first:
            watch.fail(f"{sending.name}: records {before[0]} and {sequence} of key {key!r} are out of order")
        latest[key] = (sequence, first)
