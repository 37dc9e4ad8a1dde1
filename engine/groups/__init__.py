"""The group coordinator: membership, rebalances, committed offsets, and the assignors that share out partitions."""
