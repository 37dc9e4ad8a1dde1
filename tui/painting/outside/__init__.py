"""Paints clients from outside: their connections, what passes on them, and how they connect."""
