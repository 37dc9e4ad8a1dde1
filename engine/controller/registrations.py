"""Which life of each broker is registered, and under which epoch (`ClusterControlManager`, KIP-631).

Whatever a broker asked for in an earlier life and arrives late is told from what it asks for now.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from engine.errors import BrokerIdNotRegisteredError, DuplicateBrokerRegistrationError, StaleBrokerEpochError


class Registrations:
    """Broker epochs by broker id. An epoch is given out once."""

    def __init__(self) -> None:
        self.epochs: dict[int, int] = {}
        self._incarnations: dict[int, bytes | None] = {}
        self._next = itertools.count(1)

    def expect(self, broker_ids: Iterable[int]) -> None:
        """These were registered when the lab was closed, and live on: the first that comes under such an id is it."""
        for broker_id in broker_ids:
            self._register(broker_id, None)

    def is_new_life(self, broker_id: int, incarnation_id: bytes, expires_ms: float | None) -> bool:
        """Whether this is a new life of the broker; DuplicateBrokerRegistrationError while an earlier has a session.

        `expires_ms`: in how long the session of whoever is registered runs out, None if it has none.
        """
        if broker_id in self.epochs and self._incarnations.get(broker_id) in (None, incarnation_id):
            return False
        if expires_ms is not None:
            raise DuplicateBrokerRegistrationError(
                f"the controller does not know yet that the broker {broker_id} of before is gone; its session runs out "
                f"in {max(0.0, expires_ms) / 1000:.1f} s."
            )
        return True

    def register(self, broker_id: int, incarnation_id: bytes, *, new_life: bool) -> int:
        """Its epoch from now on: another one for a new life."""
        if new_life:
            self._register(broker_id, incarnation_id)
        else:
            self._incarnations[broker_id] = incarnation_id
        return self.epochs[broker_id]

    def _register(self, broker_id: int, incarnation_id: bytes | None) -> None:
        self.epochs[broker_id] = next(self._next)
        self._incarnations[broker_id] = incarnation_id

    def check(self, broker_id: int, broker_epoch: int) -> None:
        """BrokerIdNotRegisteredError, StaleBrokerEpochError unless this is the life that is registered."""
        epoch = self.epochs.get(broker_id)
        if epoch is None:
            raise BrokerIdNotRegisteredError(f"Broker {broker_id} has not registered.")
        if epoch != broker_epoch:
            raise StaleBrokerEpochError(f"Broker {broker_id} is registered with epoch {epoch}, not {broker_epoch}.")

    def among(self, alive: Iterable[int]) -> Mapping[int, int]:
        """The epochs of these."""
        return {broker_id: self.epochs[broker_id] for broker_id in sorted(alive)}
