"""What is: the whole world at one instant, as a tree of frozen values that panels paint from.

Each owner in the engine builds its own branch and hands out the same object again while nothing in it has changed,
so `is` tells what must be painted anew. Times are lab ms, sizes bytes, rates per second of lab time.
"""

from engine.snapshot.brokers import BrokerView, PartitionView, ReplicaView, TopicView
from engine.snapshot.clients import ConsumerView, ProducerView, Throughput, TransactionView
from engine.snapshot.groups import GroupOffsetView, GroupView, MemberView, Move, Phase, Rebalance, label_of
from engine.snapshot.ledger import GroupLedger, LedgerFigure, LedgerRecord, LedgerView, ProducerLedger
from engine.snapshot.listening import AddressView, ConnectionView, ListeningView, RequestView, WatchedView
from engine.snapshot.moments import MomentView
from engine.snapshot.states import ClientState, GroupProtocol, GroupState, MemberState, TransactionState
from engine.snapshot.world import World

__all__ = [
    "AddressView",
    "BrokerView",
    "ClientState",
    "ConnectionView",
    "ConsumerView",
    "GroupLedger",
    "GroupOffsetView",
    "GroupProtocol",
    "GroupState",
    "GroupView",
    "LedgerFigure",
    "LedgerRecord",
    "LedgerView",
    "ListeningView",
    "MemberState",
    "MemberView",
    "MomentView",
    "Move",
    "PartitionView",
    "Phase",
    "ProducerLedger",
    "ProducerView",
    "Rebalance",
    "ReplicaView",
    "RequestView",
    "Throughput",
    "TopicView",
    "TransactionState",
    "TransactionView",
    "WatchedView",
    "World",
    "label_of",
]
