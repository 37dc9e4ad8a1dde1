"""Which partition of a coordinator's topic holds a group or a transactional id; its leader is the coordinator."""

from __future__ import annotations


def partition_for(key: str, partitions: int) -> int:
    """The partition that holds `key`: Java's `String.hashCode`, `Utils.abs`, modulo."""
    units = key.encode("utf-16-be", "surrogatepass")
    code = 0
    for at in range(0, len(units), 2):
        code = (31 * code + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    signed = code - (1 << 32) if code & 0x80000000 else code
    return 0 if signed == -(1 << 31) else abs(signed) % partitions
