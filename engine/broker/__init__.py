"""One broker: the replicas it holds, the requests it serves, and how it keeps in touch with the controller."""

from engine.broker.broker import Broker

__all__ = ["Broker"]
