"""Copies of a partition: the one that leads and serves, and those that follow it."""
