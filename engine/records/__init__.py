"""Records and the bytes they travel in: RecordBatch v2, built, read, stamped and checked."""
