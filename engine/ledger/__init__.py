"""What became of every record of the workload: sent, acknowledged, lost, delivered once or again, or never."""

from engine.ledger.groups import GroupBook
from engine.ledger.ledger import Ledger
from engine.ledger.marks import by_header, mark_of
from engine.ledger.partitions import PartitionBook, Slot
from engine.ledger.producers import ProducerBook

__all__ = ["GroupBook", "Ledger", "PartitionBook", "ProducerBook", "Slot", "by_header", "mark_of"]
