"""Painting of Transactions: the ids, the states a transaction goes through, and the partitions that are part of it."""
