"""Records and the bytes they travel in: RecordBatch v2, built, read, stamped and checked."""

from engine.records.batch import CONTROL_FLAG, HEADER_SIZE, BatchHeader, check, split_batches, stamp, validate
from engine.records.builder import BatchBuilder, size_in_batch
from engine.records.compression import COMPRESSIONS, codec_of
from engine.records.control import Marker, decode_marker, marker_batch, marker_of
from engine.records.reading import read_all, read_records, require_keys, require_times
from engine.records.record import CREATE_TIME, LOG_APPEND_TIME, ConsumerRecord
from engine.records.rewriting import recompress, rewrite

__all__ = [
    "COMPRESSIONS",
    "CONTROL_FLAG",
    "CREATE_TIME",
    "HEADER_SIZE",
    "LOG_APPEND_TIME",
    "BatchBuilder",
    "BatchHeader",
    "ConsumerRecord",
    "Marker",
    "check",
    "codec_of",
    "decode_marker",
    "marker_batch",
    "marker_of",
    "read_all",
    "read_records",
    "recompress",
    "require_keys",
    "require_times",
    "rewrite",
    "size_in_batch",
    "split_batches",
    "stamp",
    "validate",
]
