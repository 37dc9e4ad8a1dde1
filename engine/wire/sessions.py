"""Incremental fetch sessions (KIP-227): what a client fetches is remembered, so that it names only what has changed.

Rules from `kafka.server.FetchSessionCache`, `FullFetchContext` and `IncrementalFetchContext`.
"""

from __future__ import annotations


class FetchSessions:
    """The sessions of one broker."""
