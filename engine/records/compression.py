"""The compressions a batch may carry, by Kafka's names (`org.apache.kafka.common.record.CompressionType`)."""

from __future__ import annotations

from aiokafka.codec import (
    gzip_decode,
    gzip_encode,
    lz4_decode,
    lz4_encode,
    snappy_decode,
    snappy_encode,
    zstd_decode,
    zstd_encode,
)

from engine.errors import CorruptRecordError, UnsupportedCompressionTypeError

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
"""In the order of their codes in a batch's attributes."""

_ENCODE = (bytes, gzip_encode, snappy_encode, lz4_encode, zstd_encode)
_DECODE = (bytes, gzip_decode, snappy_decode, lz4_decode, zstd_decode)


def codec_of(name: str) -> int:
    """The code of a compression; UnsupportedCompressionTypeError names those there are."""
    if name not in COMPRESSIONS:
        raise UnsupportedCompressionTypeError(f"There is no compression {name!r}; choose of {', '.join(COMPRESSIONS)}.")
    return COMPRESSIONS.index(name)


def name_of(codec: int) -> str:
    """The name of a code; UnsupportedCompressionTypeError for one nobody has given a meaning."""
    if not 0 <= codec < len(COMPRESSIONS):
        raise UnsupportedCompressionTypeError(f"The batch says compression {codec}, which no Kafka knows.")
    return COMPRESSIONS[codec]


def compress(codec: int, data: bytes) -> bytes:
    """The bytes of a batch's records, compressed as Kafka's clients do it."""
    name_of(codec)
    packed: bytes = _ENCODE[codec](data)
    return packed


def decompress(codec: int, data: bytes) -> bytes:
    """The bytes of a batch's records again; CorruptRecordError if they were never so compressed."""
    name = name_of(codec)
    try:
        plain: bytes = _DECODE[codec](data)
    except Exception as error:  # each codec fails in its own way, with no class in common
        raise CorruptRecordError(
            f"The batch says it is compressed with {name}, but cannot be read so: {error}"
        ) from error
    return plain
