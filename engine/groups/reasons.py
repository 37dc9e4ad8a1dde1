"""Why a group rebalances, in words: what its coordinator can tell from requests and the reasons they give (KIP-800)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.types import TopicPartition


def seconds(ms: float) -> str:
    """A stretch of time as a person says it: "812 ms", "10.0 s"."""
    return f"{ms:.0f} ms" if ms < 1_000 else f"{ms / 1_000:.1f} s"


def names(items: Iterable[object], limit: int = 6) -> str:
    """Some names, and how many more: "a, b and 3 more"."""
    listed = [str(item) for item in items]
    if len(listed) > limit:
        return f"{', '.join(listed[:limit])} and {len(listed) - limit} more"
    return " and ".join(filter(None, (", ".join(listed[:-1]), listed[-1]))) if listed else "nobody"


def why_left(reason: str, by_administrator: bool) -> str:
    """A clause for what a LeaveGroup's reason says; Java's clients and the lab's use set phrases."""
    if by_administrator:
        return f"removed by an administrator{f' ({reason})' if reason else ''}"
    if not reason or "being closed" in reason:
        return "closed cleanly"
    if "poll timeout" in reason:
        return "max.poll.interval.ms ran out between two polls"
    if "unsubscribed" in reason:
        return "unsubscribed from all topics"
    return reason


def why_rejoined(
    label: str,
    *,
    leads: bool,
    reason: str,
    given_up: Iterable[TopicPartition],
    topics: tuple[Iterable[str], Iterable[str]],
    assignors: tuple[tuple[str, ...], tuple[str, ...]],
    counts: tuple[Mapping[str, int], Mapping[str, int]],
) -> str:
    """A sentence for a member that joins again in a stable group; pairs are what was and what is."""
    growth = grown(*counts) if leads else ""
    if growth:
        return f"{growth} ({label}, the leader, noticed)"
    if given := sorted(given_up):
        return f"{label} gave up {names(given)} (cooperative)"
    if changed := resubscribed(label, *topics):
        return changed
    if assignors[0] != assignors[1]:
        return f"{label} now offers {names(assignors[1])} instead of {names(assignors[0])}"
    return f"{label}{', the leader,' if leads else ''} joined again{f': {reason}' if reason else ''}"


def resubscribed(label: str, before: Iterable[str], after: Iterable[str]) -> str:
    """A sentence for a member that wants other topics than before; empty if it does not."""
    old, new = set(before), set(after)
    changes = [f"subscribed to {names(sorted(new - old))}"] if new - old else []
    changes += [f"no longer wants {names(sorted(old - new))}"] if old - new else []
    return f"{label} {' and '.join(changes)}" if changes else ""


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """A sentence for topics that have other numbers of partitions than before; empty if none has."""
    changes = []
    for topic in sorted({*before, *after}):
        was, now = before.get(topic, 0), after.get(topic, 0)
        if was and not now:
            changes.append(f"{topic} was deleted")
        elif now and not was:
            changes.append(f"{topic} appeared with {now} partition{'s' if now != 1 else ''}")
        elif was != now:
            changes.append(f"{topic} {'grew' if now > was else 'shrank'} from {was} to {now} partitions")
    return " and ".join(changes)
