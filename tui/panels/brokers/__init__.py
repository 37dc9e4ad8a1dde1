"""Panels of Brokers."""
