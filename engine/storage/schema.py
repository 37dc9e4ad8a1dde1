"""The tables of a broker's file: its logs, their batches, leader epochs, producers and aborted transactions."""

from __future__ import annotations

_FIRST = (
    # A deleted log has no topic any more; the next opening goes on removing its batches.
    """CREATE TABLE log (
         id INTEGER PRIMARY KEY, topic TEXT, partition INTEGER NOT NULL, topic_id BLOB NOT NULL,
         start_offset INTEGER NOT NULL, cleaned_to INTEGER NOT NULL,
         high_watermark INTEGER NOT NULL DEFAULT 0,
         UNIQUE (topic, partition))""",
    # `newest_so_far` is the largest max_timestamp of the log up to this row. It never falls from row to row, so
    # times are looked up by bisection over the index of offsets. The blob stands last: reading what stands before it
    # leaves its pages alone.
    """CREATE TABLE batch (
         id INTEGER PRIMARY KEY, log INTEGER NOT NULL, base_offset INTEGER NOT NULL, last_offset INTEGER NOT NULL,
         leader_epoch INTEGER NOT NULL, max_timestamp INTEGER NOT NULL, newest_so_far INTEGER NOT NULL,
         producer_id INTEGER NOT NULL, producer_epoch INTEGER NOT NULL, base_sequence INTEGER NOT NULL,
         attributes INTEGER NOT NULL, count INTEGER NOT NULL, size INTEGER NOT NULL, bytes BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX batch_at ON batch (log, base_offset)",
    """CREATE TABLE leader_epoch (
         log INTEGER NOT NULL, epoch INTEGER NOT NULL, start_offset INTEGER NOT NULL,
         PRIMARY KEY (log, epoch)) WITHOUT ROWID""",
)

_PRODUCERS = (
    # What `producer` and `aborted` say is complete up to this offset; -1 where the log was cut below it.
    "ALTER TABLE log ADD COLUMN producers_to INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE producer (
         log INTEGER NOT NULL, producer_id INTEGER NOT NULL, epoch INTEGER NOT NULL, coordinator_epoch INTEGER NOT NULL,
         last_timestamp INTEGER NOT NULL, last_offset INTEGER NOT NULL, transaction_start INTEGER NOT NULL,
         batches BLOB NOT NULL, PRIMARY KEY (log, producer_id)) WITHOUT ROWID""",
    """CREATE TABLE aborted (
         log INTEGER NOT NULL, producer_id INTEGER NOT NULL, first_offset INTEGER NOT NULL,
         last_offset INTEGER NOT NULL, last_stable_offset INTEGER NOT NULL,
         PRIMARY KEY (log, last_offset)) WITHOUT ROWID""",
)

SCHEMA = (_FIRST, _PRODUCERS)
"""The statements that lead from each version to the next; a new file gets all of them."""
SCHEMA_VERSION = len(SCHEMA)

ADD_BATCH = """INSERT INTO batch (log, base_offset, last_offset, leader_epoch, max_timestamp, newest_so_far,
  producer_id, producer_epoch, base_sequence, attributes, count, size, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

# The batch that holds an offset, or the next one where compaction left a gap.
_HOLDING = """(SELECT base_offset FROM batch
   WHERE log = :log AND last_offset >= :offset AND base_offset >= coalesce(
     (SELECT max(base_offset) FROM batch WHERE log = :log AND base_offset <= :offset), 0)
   ORDER BY base_offset LIMIT 1)"""

# Both first add up the sizes of the next :most batches, without their blobs, and then read those that :max_bytes has
# room for; the first comes whatever its size.
READ = f"""WITH next (at, size) AS (
    SELECT base_offset, size FROM batch WHERE log = :log AND base_offset >= {_HOLDING} AND base_offset < :up_to
    ORDER BY base_offset LIMIT :most),
  added (at, total) AS (SELECT at, sum(size) OVER (ORDER BY at) FROM next)
  SELECT bytes FROM batch WHERE log = :log AND base_offset BETWEEN (SELECT min(at) FROM next)
    AND coalesce((SELECT max(at) FROM added WHERE total <= :max_bytes), (SELECT min(at) FROM next))
  ORDER BY base_offset"""

READ_BEFORE = """WITH next (at, size) AS (
    SELECT base_offset, size FROM batch WHERE log = :log AND base_offset < :offset AND last_offset >= :start
    ORDER BY base_offset DESC LIMIT :most),
  added (at, total) AS (SELECT at, sum(size) OVER (ORDER BY at DESC) FROM next)
  SELECT bytes FROM batch WHERE log = :log AND base_offset BETWEEN
    coalesce((SELECT min(at) FROM added WHERE total <= :max_bytes), (SELECT max(at) FROM next))
    AND (SELECT max(at) FROM next)
  ORDER BY base_offset"""

# The first batch at or after :from_ with a record of :timestamp or later. The bisection runs over offsets, from :from_
# to :to_, until one is left; where a batch below it was removed just now it may stop early, so the last step looks on.
FIRST_SINCE = """WITH RECURSIVE span (lo, hi) AS (
    SELECT :from_, :to_
    UNION ALL
    SELECT
      CASE WHEN (SELECT newest_so_far FROM batch WHERE log = :log AND base_offset <= (lo + hi) / 2
                 ORDER BY base_offset DESC LIMIT 1) >= :timestamp THEN lo ELSE (lo + hi) / 2 + 1 END,
      CASE WHEN (SELECT newest_so_far FROM batch WHERE log = :log AND base_offset <= (lo + hi) / 2
                 ORDER BY base_offset DESC LIMIT 1) >= :timestamp THEN (lo + hi) / 2 ELSE hi END
    FROM span WHERE lo < hi)
  SELECT bytes FROM batch WHERE log = :log AND max_timestamp >= :timestamp AND base_offset >= coalesce(
    (SELECT max(base_offset) FROM batch WHERE log = :log AND base_offset <=
      (SELECT lo FROM span WHERE lo >= hi LIMIT 1)), 0)
  ORDER BY base_offset LIMIT 1"""
