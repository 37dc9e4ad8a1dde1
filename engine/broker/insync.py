"""Who is in sync with the partitions that a broker leads: seen from their fetches, asked of the controller, gone by.

Rules from `kafka.server.AlterPartitionManager` and `kafka.cluster.Partition` (KIP-497).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from engine.clock import Clock
from engine.config import BrokerConfig
from engine.errors import ErrorCode, KafkaError
from engine.messages import AlteredPartition, AlterPartitionRequest, NewIsr
from engine.network import CONTROLLER, Network
from engine.replicas.leadership import Leadership
from engine.replicas.partition import Partition
from engine.types import ClientInfo, TopicPartition

RETRY_MS = 500
"""How long the controller is let alone after it did not answer."""


class Held(Protocol):
    """The replicas of a broker, as far as this is concerned."""

    broker_id: int
    broker_epoch: int
    live: Mapping[int, int]
    partitions: dict[TopicPartition, Partition]


class InSync:
    """Keeps the ISRs of one broker's partitions."""

    def __init__(self, replicas: Held, network: Network, clock: Clock, config: BrokerConfig) -> None:
        self._replicas = replicas
        self._network = network
        self._clock = clock
        self._config = config
        self._client = ClientInfo(f"broker-{replicas.broker_id}", f"broker-{replicas.broker_id}")
        self._to_look_at: set[TopicPartition] = set()
        self._look = asyncio.Event()

    def look_at(self, partition: Partition) -> None:
        """A follower has come so far that it may be in sync."""
        if partition.leading is not None and partition.leading.joiners(self._replicas.live):
            self._to_look_at.add(partition.tp)
            self._look.set()

    async def look_for_laggards(self) -> None:
        """Look at every partition that is led here, again and again."""
        while True:
            await self._clock.sleep(self._config.replica_lag_time_max_ms / 2)
            self._to_look_at.update(tp for tp, partition in self._replicas.partitions.items() if partition.leads)
            self._look.set()

    async def keep(self) -> None:
        """Ask the controller for what is to change, whenever something may be."""
        while True:
            await self._look.wait()
            self._look.clear()
            if not await self._propose(self._changes()):
                await self._clock.sleep(RETRY_MS)
                self._look.set()

    def _changes(self) -> dict[Partition, NewIsr]:
        """The ISRs that the followers' progress calls for, where they are not those the controller knows.

        What was asked for and not answered may have been done, so it counts, and is asked for again, until the
        controller is heard of (KIP-497).
        """
        me, changes = self._replicas, {}
        for tp in sorted(self._to_look_at):
            partition = me.partitions.get(tp)
            if partition is None or (leading := partition.leading) is None:
                continue
            late = leading.laggards(
                partition.log.flushed_offset, self._config.replica_lag_time_max_ms, self._clock.now_ms()
            )
            wanted = leading.proposed or (leading.isr | leading.joiners(me.live)) - late
            if wanted != leading.isr:
                leading.proposed = wanted
                epochs = {each: leading.followers[each].broker_epoch for each in wanted if each != me.broker_id}
                isr = tuple(sorted({**epochs, me.broker_id: me.broker_epoch}.items()))
                changes[partition] = NewIsr(partition.state.leader_epoch, partition.state.partition_epoch, isr)
        self._to_look_at.clear()
        return changes

    async def _propose(self, changes: Mapping[Partition, NewIsr]) -> bool:
        """Ask the controller for all of them at once and go by what it answers; False if no answer came."""
        if not changes:
            return True
        me, asked = self._replicas, {partition: partition.leading for partition in changes}
        request = AlterPartitionRequest(
            me.broker_id, me.broker_epoch, {partition.tp: wanted for partition, wanted in changes.items()}
        )
        try:
            answer = await self._network.call(self._client, CONTROLLER, request, source=me.broker_id)
        except KafkaError:
            self._to_look_at.update(request.partitions)
            return False
        for partition, leading in asked.items():
            if leading is not None and partition.leading is leading:
                self._answered(partition, leading, answer.partitions[partition.tp])
        return True

    def _answered(self, partition: Partition, leading: Leadership, answer: AlteredPartition) -> None:
        """Where it was refused because there is news, that comes through the metadata log."""
        if answer.state is None and answer.error is not ErrorCode.INELIGIBLE_REPLICA:
            return
        leading.proposed = None
        if answer.state is not None and answer.state != partition.state:
            partition.become(answer.state, partition.config)  # and else nobody need be woken, least of all who proposes
        partition.looked_at()
