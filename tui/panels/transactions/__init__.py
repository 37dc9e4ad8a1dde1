"""Panels of Transactions."""
