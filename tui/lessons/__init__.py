"""Lessons: Kafka's producer and consumer model in steps that a person takes in the lab."""
