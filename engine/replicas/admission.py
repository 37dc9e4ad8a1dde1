"""What a producer's batch has to pass before a leader takes it in, by the settings of its topic.

Rules from `org.apache.kafka.storage.internals.log.LogValidator`.
"""

from __future__ import annotations

from engine.config import TopicConfig
from engine.records import codec_of, recompress, require_keys, require_times, validate


def admit(batch: bytes, config: TopicConfig, now_ms: int, *, coordinator: bool = False) -> bytes:
    """The batch as it is to be stored, compressed as the topic has it; raises KafkaError where it may not come in.

    A `coordinator` of groups or transactions writes markers, and need not number what it writes.
    """
    header = validate(batch, config.max_message_bytes, coordinator=coordinator)
    if config.compacted:
        require_keys(batch)
    if config.limits_times and config.message_timestamp_type == "CreateTime":
        before, after = config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms
        require_times(batch, now_ms - before, now_ms + after)
    if config.compression_type != "producer" and not header.is_control:
        wanted = config.compression_type
        batch = recompress(batch, codec_of("none" if wanted == "uncompressed" else wanted))
    return batch
