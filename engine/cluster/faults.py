"""Everything that can be broken on purpose, through one object: brokers, lines, requests, disks.

Each fault is an event, so that what it led to can be read beside it.
"""

from __future__ import annotations

from math import inf
from typing import Any

from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.errors import ElectionNotNeededError, ErrorCode, RefusedError, error_for
from engine.events import EventLog, Tone
from engine.faults import Rule, Weather
from engine.messages import ElectionType, ProduceRequest, Request
from engine.network import CONTROLLER, Network
from engine.types import TopicPartition


class Faults:
    """`cluster.faults`. Verbs raise RefusedError in plain words."""

    def __init__(self, nodes: Nodes, network: Network, weather: Weather, clock: Clock, events: EventLog) -> None:
        self._nodes = nodes
        self._network = network
        self._weather = weather
        self._clock = clock
        self._events = events

    # Brokers

    async def crash(self, broker_id: int) -> None:
        """A broker is gone without a word."""
        await self._nodes.crash(broker_id)

    async def stop(self, broker_id: int) -> None:
        """A broker hands on what it leads, then stops."""
        await self._nodes.stop(broker_id)

    async def start(self, broker_id: int) -> None:
        """A broker that is down comes back."""
        await self._nodes.start(broker_id)

    async def delete_file(self, broker_id: int) -> None:
        """A broker that is down loses its disk."""
        await self._nodes.delete_file(broker_id)

    async def elect_preferred(self) -> int:
        """Leadership goes back to the first replica of each partition; how many moved. ElectionNotNeededError."""
        return await self._nodes.controller.elect_preferred()

    async def elect_unclean(self, tp: TopicPartition) -> None:
        """Let whoever is alive lead a partition that nobody leads, though what it lacks is lost; raises KafkaError."""
        outcomes = await self._nodes.controller.elect(ElectionType.UNCLEAN, [tp])
        if outcomes[tp] is ErrorCode.ELECTION_NOT_NEEDED:
            raise ElectionNotNeededError(f"{tp} has a leader already, so no other is elected.")
        if outcomes[tp]:
            raise error_for(outcomes[tp])

    # Lines

    def cut(self, one: int, other: int) -> None:
        """Two nodes (0 is the controller) no longer reach each other; clients still reach both."""
        for node in (one, other):
            self._known(node)
        if one == other:
            raise RefusedError("A node cannot be cut off from itself; name two.")
        self._network.cut(one, other)
        if CONTROLLER in (one, other):
            self._nodes.controller.forget_reader(max(one, other))
        self._tell(f"The line between {_name(one)} and {_name(other)} was cut; clients still reach both.", Tone.WARNING)

    def heal(self, one: int, other: int) -> None:
        """They reach each other again."""
        for node in (one, other):
            self._known(node)
        self._network.heal(one, other)
        self._tell(f"The line between {_name(one)} and {_name(other)} is whole again.", Tone.GOOD)

    def isolate(self, broker_id: int) -> None:
        """A broker reaches neither the others nor the controller, while clients still reach it."""
        self._known_broker(broker_id)
        for other in (CONTROLLER, *self._nodes.ids):
            if other != broker_id:
                self._network.cut(broker_id, other)
        self._nodes.controller.forget_reader(broker_id)
        self._tell(
            f"Broker {broker_id} is cut off from the other brokers and the controller. Clients still reach it, and it "
            "still believes that it leads: what it takes with acks=1 will be lost.",
            Tone.WARNING,
        )

    def rejoin(self, broker_id: int) -> None:
        """A broker that was cut off reaches everybody again."""
        self._known_broker(broker_id)
        for other in (CONTROLLER, *self._nodes.ids):
            self._network.heal(broker_id, other)
        self._tell(f"Broker {broker_id} reaches the others again and follows what they decided meanwhile.", Tone.GOOD)

    def cuts(self) -> tuple[tuple[int, int], ...]:
        """The lines that are cut."""
        return self._network.cuts

    # Requests

    def lose(
        self,
        kind: type[Request[Any]] | None = None,
        *,
        share: float = 1.0,
        answers: bool = False,
        node: int | None = None,
        source: int | None = None,
        times: int | None = None,
    ) -> Rule:
        """Lose a share of the requests of a kind, or their answers though they were carried out."""
        _check_share(share)
        if times is not None and not times >= 1:
            raise RefusedError(f"It can happen once or more often, not {times} times.")
        rule = self._weather.add(kind, share=share, answers=answers, node=node, source=source, times=times)
        self._tell(f"From now on {rule.words()}.", Tone.WARNING)
        return rule

    def delay(
        self,
        ms: float,
        kind: type[Request[Any]] | None = None,
        *,
        share: float = 1.0,
        answers: bool = False,
        node: int | None = None,
        source: int | None = None,
    ) -> Rule:
        """Make a share of the requests of a kind, or their answers, `ms` late."""
        _check_share(share)
        if not 0 < ms < inf:
            raise RefusedError(f"A delay is more than 0 ms and has an end; it cannot be {ms} ms.")
        rule = self._weather.add(kind, share=share, answers=answers, node=node, source=source, delay_ms=ms)
        self._tell(f"From now on {rule.words()}.", Tone.WARNING)
        return rule

    def end(self, rule: Rule) -> None:
        """Put an end to what `lose` or `delay` began."""
        self._weather.remove(rule)
        self._tell(f"No longer: {rule.words()}.", Tone.GOOD)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What is lost or late now."""
        return self._weather.rules

    def lose_answers(self, broker_id: int, share: float) -> None:
        """Lose a share of a broker's answers to producers, though their records are stored; 0 puts it right."""
        self._known_broker(broker_id)
        if share:
            _check_share(share)
        for rule in self._losing(broker_id):
            self.end(rule)
        if share:
            self.lose(ProduceRequest, share=share, answers=True, node=broker_id)

    def lost_answers(self, broker_id: int) -> float:
        """Which share of its answers to producers is lost."""
        return max((rule.share for rule in self._losing(broker_id)), default=0.0)

    def _losing(self, broker_id: int) -> list[Rule]:
        return [
            rule
            for rule in self.rules
            if rule.kind is ProduceRequest and rule.answers and not rule.delay_ms and rule.node == broker_id
        ]

    # Disks

    def slow_disk(self, broker_id: int, ms: float) -> None:
        """Every write of a broker takes `ms` longer; 0 puts it right."""
        self._known_broker(broker_id)
        if not 0 <= ms < inf:
            raise RefusedError(f"A write can take 0 ms longer or more, and has an end; it cannot be {ms} ms.")
        self._nodes.disks[broker_id].delay_ms = ms
        slow = f"takes {ms:.0f} ms longer for each write" if ms > 0 else "is as fast as before"
        self._tell(f"The disk of broker {broker_id} {slow}.", Tone.WARNING if ms > 0 else Tone.GOOD)

    def fill_disk(self, broker_id: int) -> None:
        """A broker can write nothing more."""
        self._known_broker(broker_id)
        self._nodes.disks[broker_id].full = True
        self._tell(
            f"The disk of broker {broker_id} is full: it refuses every append until some space is freed.", Tone.WARNING
        )

    def free_disk(self, broker_id: int) -> None:
        """A broker can write again."""
        self._known_broker(broker_id)
        self._nodes.disks[broker_id].full = False
        self._tell(f"The disk of broker {broker_id} has room again.", Tone.GOOD)

    def _known(self, node: int) -> None:
        if node != CONTROLLER:
            self._known_broker(node)

    def _known_broker(self, broker_id: int) -> None:
        if broker_id not in self._nodes.ids:
            raise RefusedError(f"There is no broker {broker_id}; there are {', '.join(map(str, self._nodes.ids))}.")

    def _tell(self, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), "faults", text, how)


def _check_share(share: float) -> None:
    if not 0 < share <= 1:
        raise RefusedError(f"A share is above 0 and at most 1 (all of them); it cannot be {share}.")


def _name(node: int) -> str:
    return "the controller" if node == CONTROLLER else f"broker {node}"
