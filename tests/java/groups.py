"""What tests of groups with members in Java share."""

from __future__ import annotations

import json
from asyncio.subprocess import Process

from engine.cluster import Cluster
from tests.java.tools import happened, lines_until


async def filled(cluster: Cluster, partitions: int = 6, records: int = 60) -> None:
    """A topic `shop` with records in turn in all its partitions."""
    await cluster.create_topic("shop", partitions=partitions)
    async with cluster.producer() as producer:
        for number in range(records):
            await producer.send_and_wait("shop", b"%d" % number, partition=number % partitions)


async def owned(process: Process) -> set[int]:
    """The partitions a verifiable consumer is given next, once there are any."""
    while True:
        told = json.loads((await lines_until(process, '"partitions_assigned"'))[-1])
        if told["partitions"]:
            return {given["partition"] for given in told["partitions"]}


async def settled(cluster: Cluster, members: int) -> dict[str, set[int]]:
    """Who owns what, by client id, once the group is stable with so many members and each owns something."""
    owns: dict[str, set[int]] = {}

    def at_rest() -> bool:
        group = cluster.snapshot().group("billing")
        if group is None or group.state.value != "Stable" or len(group.members) != members:
            return False
        owns.clear()
        owns.update((member.client_id, {tp.partition for tp in member.assignment}) for member in group.members)
        return all(owns.values())

    await happened(cluster, at_rest)
    return owns
