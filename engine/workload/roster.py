"""Who there is: every spawned producer and consumer by name, and the refusals when a name or verb does not fit."""

from __future__ import annotations

from engine.errors import RefusedError
from engine.types import TopicPartition
from engine.workload.consuming import DrivenConsumer
from engine.workload.producing import DrivenProducer

Worker = DrivenProducer | DrivenConsumer


class Roster:
    """Names are unique over producers and consumers; each has a number that tells the order they were spawned in."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._orders: dict[str, int] = {}
        self._owners: dict[tuple[str, TopicPartition], DrivenConsumer] | None = None

    def add(self, worker: Worker, order: int | None = None) -> None:
        """From now on there is this one."""
        self._orders[worker.name] = order if order is not None else max(self._orders.values(), default=0) + 1
        self._workers[worker.name] = worker
        self.owners_changed()

    def forget(self, name: str) -> None:
        """From now on there is none of that name."""
        self._workers.pop(name, None)
        self._orders.pop(name, None)
        self.owners_changed()

    def order(self, name: str) -> int:
        """The number by which it was spawned."""
        return self._orders[name]

    def __contains__(self, name: str) -> bool:
        return name in self._workers

    def producers(self) -> list[DrivenProducer]:
        """Every producer, in the order they were spawned."""
        return [worker for worker in self._workers.values() if isinstance(worker, DrivenProducer)]

    def consumers(self) -> list[DrivenConsumer]:
        """Every consumer, in the order they were spawned."""
        return [worker for worker in self._workers.values() if isinstance(worker, DrivenConsumer)]

    def free_name(self, wanted: str | None, stem: str) -> str:
        """`wanted` if it is free, or `stem` with the first free number; raises RefusedError."""
        if wanted is not None:
            if not wanted.strip():
                raise RefusedError("A name must not be empty; leave it out and the lab chooses one.")
            if wanted in self._workers:
                raise RefusedError(f"There is a {wanted!r} already; choose another name, or leave it out.")
            return wanted
        number = 1
        while f"{stem}-{number}" in self._workers:
            number += 1
        return f"{stem}-{number}"

    def find(self, name: str) -> Worker:
        """The one of that name; raises RefusedError."""
        worker = self._workers.get(name)
        if worker is None:
            there = f"there are: {', '.join(self._workers)}" if self._workers else "there are none yet"
            raise RefusedError(f"There is no producer or consumer called {name!r}; {there}.")
        return worker

    def living(self, name: str) -> Worker:
        """The one of that name, if it lives; raises RefusedError."""
        worker = self.find(name)
        if not worker.alive:
            raise RefusedError(f"{name} is {worker.state.value}; restart it first.")
        return worker

    def producer(self, name: str, what: str) -> DrivenProducer:
        """The producer of that name; raises RefusedError, as only producers `what`."""
        worker = self.find(name)
        if not isinstance(worker, DrivenProducer):
            raise RefusedError(f"{name} is a consumer; only producers {what}.")
        return worker

    def consumer(self, name: str, what: str) -> DrivenConsumer:
        """The consumer of that name; raises RefusedError, as only consumers `what`."""
        worker = self.find(name)
        if not isinstance(worker, DrivenConsumer):
            raise RefusedError(f"{name} is a producer; only consumers {what}.")
        return worker

    def living_consumer(self, name: str, what: str) -> DrivenConsumer:
        """The consumer of that name, if it lives; raises RefusedError."""
        consumer = self.consumer(name, what)
        self.living(name)
        return consumer

    def owner(self, group_id: str, tp: TopicPartition) -> DrivenConsumer | None:
        """Who owns the partition in the group; of several who believe so, the one of the newest generation."""
        if self._owners is None:
            self._owners = {
                (consumer.spec.group_id, owned): consumer
                for consumer in sorted(self.consumers(), key=lambda consumer: consumer.generation)
                for owned in consumer.assignment()
            }
        owner = self._owners.get((group_id, tp))
        return owner if owner is not None and owner.owns(tp) else None

    def owners_changed(self) -> None:
        """Partitions changed hands."""
        self._owners = None
