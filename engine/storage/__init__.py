"""What a broker keeps: one SQLite file with its partitions, one row for each record batch."""
