"""What the coordinators of groups and of transactions share: the records of their topics, and who keeps which."""
