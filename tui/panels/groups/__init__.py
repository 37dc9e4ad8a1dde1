"""Panels of Groups."""
