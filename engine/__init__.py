"""Kafkarium's cluster as a library: brokers, groups and clients that keep Apache Kafka's rules, stored in SQLite."""
