"""README and docs as the tests read them: the steps of the tour, and the tables that are made from the code.

`python -m tests.tour.readme` makes the tables anew, after an action, a lesson or a default has changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.config import BrokerConfig, TopicConfig
from engine.workload.making import METADATA_MAX_AGE_MS
from engine.workload.spec import ConsumerSpec, ProducerSpec
from tui.actions import brokers, clients, everywhere, groups, lab, making, moving, outside, records, time
from tui.actions.table import Action
from tui.lessons.course import COURSE

HERE = Path(__file__).parents[2]
README, KEYS, TOUR = HERE / "README.md", HERE / "docs" / "keys.md", HERE / "docs" / "tour.md"
_PRODUCER, _CONSUMER = ProducerSpec("orders"), ConsumerSpec("billing", ("orders",))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the tour: its heading, and what it tells to press and to type, in order."""

    heading: str
    keys: tuple[str, ...]


def tour() -> list[Step]:
    """The numbered steps of the tour. What stands between backquotes is pressed or typed."""
    parts = re.split(r"^\d+\. ", TOUR.read_text(encoding="utf-8"), flags=re.M)[1:]
    steps = []
    for part in parts:
        heading = re.match(r"\*\*(.+?)\.?\*\*", part)
        assert heading, f"a step has no heading: {part[:40]!r}"
        steps.append(Step(heading[1], tuple(re.findall(r"`([^`]+)`", part))))
    return steps


# Tables that are made from the code ----------------------------------------------------------------------

AREAS: tuple[tuple[str, tuple[Action, ...]], ...] = (
    ("Everywhere", everywhere.ACTIONS),
    ("Time", time.ACTIONS),
    ("Moving", moving.ACTIONS),
    ("Making and deleting", making.ACTIONS),
    ("A producer or consumer", clients.ACTIONS),
    ("Lab", tuple(action for action in lab.ACTIONS if action.where == ("lab",))),
    ("Scrubbing", tuple(action for action in lab.ACTIONS if action.where == ("lab.scrub",))),
    ("Records", tuple(action for action in records.ACTIONS if "records.scrub" not in action.where)),
    ("Groups", groups.ACTIONS),
    ("Brokers", brokers.ACTIONS),
    ("Clients from outside", outside.ACTIONS),
)
"""The actions as the page of keys tells them; those of the scrub are much the same in Records."""

SPAWNED: tuple[tuple[str, object, object, str], ...] = (
    ("acks", "all", _PRODUCER.acks, ""),
    ("linger.ms", 5, _PRODUCER.linger_ms, ""),
    ("compression.type", "none", _PRODUCER.compression, ""),
    ("partition.assignment.strategy", "range, cooperative-sticky", _CONSUMER.assignor, "one rule at a time"),
    ("auto.offset.reset", "latest", _CONSUMER.auto_offset_reset, "so that a new group has something to read"),
    ("auto.commit.interval.ms", 5_000, _CONSUMER.auto_commit_interval_ms, ""),
    ("session.timeout.ms", 45_000, _CONSUMER.session_timeout_ms, "so that a crash can be watched"),
    ("heartbeat.interval.ms", 3_000, _CONSUMER.heartbeat_interval_ms, ""),
    ("max.poll.records", 500, _CONSUMER.max_poll_records, ""),
    ("max.poll.interval.ms", 300_000, _CONSUMER.max_poll_interval_ms, ""),
    ("metadata.max.age.ms", 300_000, METADATA_MAX_AGE_MS, "so that new partitions can be seen being found"),
)
"""Settings of spawned producers and consumers: Kafka's name and default, the lab's default, and why it differs."""


def keys_table() -> str:
    """The keys of every action, by where they work."""
    lines = ["| | |", "|---|---|"]
    for area, actions in AREAS:
        told = [
            f"{' '.join(f'`{_cell(key)}`' for key in action.keys)} {action.label}" for action in actions if action.keys
        ]
        lines.append(f"| **{area}** | {' · '.join(told)} |")
    return "\n".join(lines)


def lessons_table() -> str:
    """The lessons in their order, and what each is about."""
    told = (f"| {number} | **{lesson.title}** | {lesson.about} |" for number, lesson in enumerate(COURSE, 1))
    return "\n".join(["| | | |", "|---|---|---|", *told])


def defaults_table() -> str:
    """Every setting whose default is not Kafka's."""
    lines = ["| setting | Kafka | here | why |", "|---|---|---|---|"]
    for table in (TopicConfig, BrokerConfig):
        for setting in table.settings().values():
            if setting.default != setting.kafka_default:
                lines.append(_default(setting.name, setting.kafka_default, setting.default, setting.why))
    lines += [_default(name, kafka, ours, why) for name, kafka, ours, why in SPAWNED if kafka != ours]
    return "\n".join(lines)


def _default(name: str, kafka: object, ours: object, why: str) -> str:
    return f"| `{name}` | {_value(kafka)} | {_value(ours)} | {why} |"


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cell(key: str) -> str:
    return key.replace("|", "\\|")


def written(text: str) -> str:
    """A page with its tables made anew."""
    for name, table in (("keys", keys_table()), ("lessons", lessons_table()), ("defaults", defaults_table())):
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", rf"\g<1>{_plain(table)}\n\2", text, flags=re.S)
    return text


def _plain(replacement: str) -> str:
    return replacement.replace("\\", "\\\\")


if __name__ == "__main__":
    for page in (README, KEYS):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
