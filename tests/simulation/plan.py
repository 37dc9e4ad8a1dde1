"""What one seed stands for: how large the world is, who is at work in it, and which faults may befall it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

BROKERS = (1, 2, 3)
TOPIC = "orders"
GROUP = "billing"
PARCELS = "parcels"
PACKING = "packing"


@dataclass(frozen=True, slots=True)
class Plan:
    """Drawn from `seed` alone; times in lab ms."""

    seed: int
    partitions: int
    calm_every_ms: float
    """How long it is quiet between two faults, on average."""
    faults_ms: float
    """How long faults go on."""
    kinds: tuple[str, ...]
    """Which faults there are in this run."""
    idempotent: tuple[bool, ...]
    """One producer each."""
    consumers: int
    protocol: str
    """Of their group."""
    deletes_files: bool
    """Then acknowledged records may be lost by right."""
    packers: int
    """How many consume, transform and produce in transactions."""
    no_room: bool = False
    """Whether SQLite finds the disks of brokers full now and then, in the midst of whatever it is at."""

    @classmethod
    def of(cls, seed: int) -> Plan:
        """The plan of a seed."""
        rng = Random(seed)
        kinds = [kind for kind in KINDS if rng.random() < 0.6] or ["crash"]
        deletes_files = rng.random() < 0.1
        return cls(
            seed,
            partitions=rng.choice((1, 2, 3)),
            calm_every_ms=rng.choice((300.0, 800.0, 2_000.0)),
            faults_ms=rng.choice((8_000.0, 15_000.0, 25_000.0)),
            kinds=(*kinds, "delete_file") if deletes_files else tuple(kinds),
            idempotent=rng.choice(((True,), (True, False), (True, True, False))),
            consumers=rng.choice((1, 2, 3)),
            protocol=Random(f"protocol of {seed}").choice(("classic", "consumer")),
            deletes_files=deletes_files,
            packers=rng.choice((0, 0, 1, 2)),
            no_room=Random(f"room of {seed}").random() < 0.25,
        )


KINDS = ("crash", "stop", "cut", "isolate", "lose", "delay", "slow_disk", "full_disk", "client", "preferred")
