"""Painting of Brokers: the nodes, and where every copy of a partition stands."""
