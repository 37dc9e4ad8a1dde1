"""Panels of the mode Clients."""
