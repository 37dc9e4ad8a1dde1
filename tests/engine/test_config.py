"""Settings: which values are accepted, whichever way they are set."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import BrokerConfig, TopicConfig
from engine.errors import InvalidConfigError


@pytest.mark.parametrize(
    ("name", "text", "accepted"),
    [
        ("retention.ms", "1_000", "a whole number, -1 to"),
        ("retention.ms", "-2", "a whole number, -1 to"),
        ("retention.ms", "1.5", "a whole number"),
        ("min.cleanable.dirty.ratio", "nan", "a number, 0 to 1"),
        ("min.cleanable.dirty.ratio", "1.1", "a number, 0 to 1"),
        ("unclean.leader.election.enable", "yes", "true or false"),
        ("cleanup.policy", "shred", "one or more of delete, compact"),
        ("compression.type", "zip", "one of producer"),
    ],
)
def test_a_text_that_stands_for_no_accepted_value_is_refused_with_what_would_be(
    name: str, text: str, accepted: str
) -> None:
    with pytest.raises(InvalidConfigError, match=rf"{name} cannot be '{text}'; it takes {accepted}"):
        TopicConfig.of({name: text})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("num_partitions", 0, "num.partitions cannot be 0; it takes a whole number, 1 or more"),
        ("num_partitions", 2.0, "num.partitions cannot be 2.0"),
        ("num_partitions", True, "num.partitions cannot be True"),
        ("delete_topic_enable", 1, "delete.topic.enable cannot be 1; it takes true or false"),
        ("group_consumer_assignors", ("alphabetical",), "one or more of uniform, range"),
        ("broker_session_timeout_ms", float("nan"), "broker.session.timeout.ms cannot be nan"),
    ],
)
def test_a_value_that_is_given_directly_is_checked_as_well(name: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidConfigError, match=said):
        BrokerConfig(**{name: value})


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidConfigError, match="cannot be above max"):
        TopicConfig.of({"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "9"})


def test_what_a_setting_tells_it_reads_again() -> None:
    for config in (TopicConfig(), BrokerConfig()):
        texts = {about.name: about.text(value) for about, value in config.items()}
        assert type(config).of(texts) == config
