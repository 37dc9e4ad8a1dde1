"""The transaction coordinator (KIP-98): who may write under a transactional id, and how each transaction ends."""

from engine.transactions.coordinator import TransactionCoordinator

__all__ = ["TransactionCoordinator"]
