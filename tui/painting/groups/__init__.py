"""Painting of Groups: the state machine, members, who owns what, and rebalances."""
