"""The sticky rule for members that all subscribe to the same topics (`ConstrainedAssignmentBuilder`): linear time.

Everybody ends with floor(n/c) partitions or one more, and a partition leaves its owner only if that one has too many.
"""

from __future__ import annotations

from collections import deque

from engine.groups.assignors.ownership import NOBODY, Table


def share_evenly(table: Table, owner: list[int]) -> list[list[int]]:
    """Partitions of each member, from those owned so far (`owner`, left as it is)."""
    low, extra = divmod(len(owner), len(table.members))
    held: list[list[int]] = [[] for _ in table.members]
    free: list[int] = []
    for partition, member in enumerate(owner):
        (free if member == NOBODY else held[member]).append(partition)

    for mine in held:
        quota = low
        if len(mine) > low and extra:
            quota, extra = low + 1, extra - 1
        if len(mine) > quota:
            # The lowest numbers stay, across topics, so that what is given away is spread over the topics too.
            mine.sort(key=lambda p: (table.partitions[p].partition, p))
            free += mine[quota:]
            del mine[quota:]
    free.sort()

    rest = iter(free)
    waiting = deque(member for member, mine in enumerate(held) if len(mine) == low)
    short = [member for member, mine in enumerate(held) if len(mine) < low]
    while short:
        still_short: list[int] = []
        for member in short:
            held[member].append(next(rest))
            (still_short if len(held[member]) < low else waiting).append(member)
        short = still_short
    for partition in rest:
        held[waiting.popleft()].append(partition)
    return held
