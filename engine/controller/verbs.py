"""What can be asked of the controller from outside its cluster of brokers: topics, their settings, elections and moves.

Rules from `ReplicationControlManager` and `ConfigurationControlManager`. The lab's own verbs and the requests of
administrators both end here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Set
from contextlib import asynccontextmanager

from engine.config import (
    INTERNAL_TOPIC,
    INTERNAL_TOPIC_CONFIG,
    TRANSACTION_TOPIC,
    TRANSACTION_TOPIC_CONFIG,
    BrokerConfig,
)
from engine.controller.decided import Decided
from engine.controller.elections import called_off, elected, moving
from engine.controller.image import MetadataImage, Topic
from engine.controller.settings import Decide
from engine.controller.telling import Telling
from engine.controller.topics import ByHand, altered, check_replicas, grown, new_topic
from engine.errors import (
    CoordinatorNotAvailableError,
    ElectionNotNeededError,
    ErrorCode,
    InvalidReplicaAssignmentError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
)
from engine.messages import ElectionType, PartitionMetadata
from engine.types import TopicPartition
from engine.wording import plural


class Verbs:
    """Owns the topics. `alive` tells which brokers may hold and lead partitions now."""

    def __init__(self, decided: Decided, telling: Telling, config: BrokerConfig, alive: Callable[[], Set[int]]) -> None:
        self.brokers: tuple[int, ...] = ()
        """Every broker there is, alive or not."""
        self.telling = telling
        self._decided = decided
        self._config = config
        self._alive = alive
        self._changing = asyncio.Lock()
        self._ensuring = asyncio.Lock()

    @property
    def image(self) -> MetadataImage:
        """The metadata as it stands."""
        return self._decided.image

    @property
    def topics(self) -> Mapping[str, Topic]:
        """Every topic, by name."""
        return self.image.topics

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """One change at a time; whoever asked for this one waits behind it until every live broker knows of it."""
        async with self._changing:
            yield
        await self._decided.known_to_all()

    # Topics

    async def create_topic(
        self,
        name: str,
        partitions: int,
        replication_factor: int,
        overrides: Mapping[str, str],
        *,
        by_hand: ByHand = (),
        validate_only: bool = False,
        unasked: bool = False,
    ) -> Topic:
        """Make a topic, its replicas spread over the brokers or placed by hand; raises KafkaError.

        `validate_only` says what it would be. `unasked`: a client named it, and no person asked for it.
        """
        async with self._told():
            topic = new_topic(
                name,
                partitions,
                replication_factor,
                overrides,
                internal=False,
                others=self.topics.keys(),
                brokers=self.brokers,
                alive=self._alive(),
                by_hand=by_hand,
            )
            if not validate_only:
                await self._decided.save(topic)
                self.telling.created(topic, unasked=unasked)
            return topic

    async def create_partitions(
        self,
        name: str,
        total: int,
        *,
        by_hand: tuple[tuple[int, ...], ...] | None = None,
        validate_only: bool = False,
    ) -> Topic:
        """Grow a topic to `total` partitions; existing records stay where they are. Raises KafkaError."""
        async with self._told():
            before = self.topic(name)
            topic = grown(before, total, brokers=self.brokers, alive=self._alive(), by_hand=by_hand)
            if not validate_only:
                await self._decided.save(topic)
                self.telling.grown(before, topic)
            return topic

    async def alter_config(self, name: str, decide: Decide, *, validate_only: bool = False) -> Topic:
        """Change settings as decided from those that are set; raises KafkaError."""
        async with self._told():
            before = self.topic(name)
            changes = decide(before.overrides)
            topic = altered(before, changes)
            if topic.overrides != before.overrides and not validate_only:
                await self._decided.save(topic)
                self.telling.configured(topic, changes)
            return topic

    async def delete_topic(self, name: str) -> Topic:
        """Delete a topic and its records; raises KafkaError."""
        async with self._told():
            topic = self.topic(name)
            if topic.internal:
                held = "every group's offsets" if name == INTERNAL_TOPIC else "the state of every transaction"
                raise InvalidTopicError(f"{name} is internal: it holds {held} and cannot be deleted.")
            records = self.telling.records_in(name)
            await self._decided.delete(name)
            self.telling.deleted(topic, records)
            return topic

    async def ensure_offsets_topic(self) -> int:
        """How many partitions `__consumer_offsets` has, made on first use as Kafka does."""
        config = self._config
        wanted = (config.offsets_topic_num_partitions, config.offsets_topic_replication_factor)
        return await self._ensure(INTERNAL_TOPIC, *wanted, INTERNAL_TOPIC_CONFIG)

    async def ensure_transaction_topic(self) -> int:
        """How many partitions `__transaction_state` has, made on first use as Kafka does."""
        config = self._config
        copies, least = config.transaction_state_log_replication_factor, config.transaction_state_log_min_isr
        settings = {**TRANSACTION_TOPIC_CONFIG, "min.insync.replicas": str(least)}
        return await self._ensure(TRANSACTION_TOPIC, config.transaction_state_log_num_partitions, copies, settings)

    async def _ensure(self, name: str, partitions: int, copies: int, settings: Mapping[str, str]) -> int:
        async with self._ensuring:  # who asks while it is being made waits, too, until every live broker knows of it
            if name not in self.topics:
                await self._make_internal(name, partitions, copies, settings)
        return self.image.counts[name]

    async def _make_internal(self, name: str, partitions: int, copies: int, settings: Mapping[str, str]) -> None:
        async with self._told():
            alive, copies = self._alive(), min(copies, len(self.brokers))
            if len(alive) < copies:
                raise CoordinatorNotAvailableError(
                    f"{name} is to have {copies} copies, with {plural(len(alive), 'broker')} alive. Start the "
                    "others first."
                )
            topic = new_topic(
                name,
                partitions,
                copies,
                settings,
                internal=True,
                others=self.topics.keys(),
                brokers=self.brokers,
                alive=alive,
            )
            await self._decided.save(topic)

    # Leaders and places

    async def elect(
        self, kind: ElectionType, partitions: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, ErrorCode]:
        """Elect leaders of these partitions, or of all; what became of each (KIP-460)."""
        async with self._told():
            live = self._alive()
            outcomes: dict[TopicPartition, ErrorCode] = {}
            before: dict[TopicPartition, PartitionMetadata] = {}
            changes: dict[TopicPartition, PartitionMetadata] = {}
            for tp in partitions if partitions is not None else [tp for _, tp, _ in self._decided.every()]:
                try:
                    state = self.state_of(tp)
                except KafkaError as error:
                    outcomes[tp] = error.code
                    continue
                changed, outcomes[tp] = elected(state, live, kind)
                if not outcomes[tp]:
                    before[tp], changes[tp] = state, changed
            if changes:
                await self._decided.change(changes)
                self.telling.elected(kind, before, changes)
            return outcomes

    async def elect_preferred(self, partitions: Iterable[TopicPartition] | None = None) -> int:
        """Give leadership back to the first replicas that may have it; how many moved (0: ElectionNotNeededError)."""
        outcomes = await self.elect(ElectionType.PREFERRED, partitions)
        moved = sum(code is ErrorCode.NONE for code in outcomes.values())
        if not moved:
            raise ElectionNotNeededError("Every partition is led by its preferred replica, or that one cannot lead.")
        return moved

    async def reassign(self, tp: TopicPartition, replicas: tuple[int, ...], *, other_factor: bool = True) -> None:
        """Move a partition to other brokers, or change how many copies it has; raises KafkaError.

        The new replicas copy everything first; the old ones go when all the new are in sync. Without `other_factor` the
        number of copies stays as it is.
        """
        async with self._told():
            state = self.state_of(tp)
            check_replicas(replicas, self.brokers)
            dead = [broker_id for broker_id in replicas if broker_id not in self._alive()]
            if dead and not set(dead) <= set(state.replicas):
                raise InvalidReplicaAssignmentError(f"Broker {dead[0]} is not alive, so it cannot copy {tp}.")
            copies = len(state.target or state.replicas)
            if len(replicas) != copies and not other_factor:
                raise InvalidReplicationFactorError(
                    f"{tp} has {copies} copies; {len(replicas)} would be another number."
                )
            changed = moving(state, replicas)
            if changed != state:
                await self._decided.change({tp: changed})
                self.telling.moving(tp, state.replicas, replicas)

    async def call_off(self, tp: TopicPartition) -> None:
        """Leave a partition where it was before it was to be moved; NoReassignmentInProgressError."""
        async with self._told():
            changed = called_off(self.state_of(tp), self._alive())
            await self._decided.change({tp: changed})
            self.telling.called_off(tp, changed)

    # Questions

    def topic(self, name: str) -> Topic:
        """The topic of that name; UnknownTopicOrPartitionError."""
        return self._decided.topic(name)

    def state_of(self, tp: TopicPartition) -> PartitionMetadata:
        """Who leads and copies `tp`; UnknownTopicOrPartitionError says whether topic or partition is missing."""
        return self._decided.state_of(tp)

    def leader_of(self, tp: TopicPartition) -> int | None:
        """Who leads `tp`; UnknownTopicOrPartitionError."""
        return self.state_of(tp).leader
