"""The controller: which topics there are, which brokers are alive, who leads and who is in sync."""

from engine.controller.controller import Controller
from engine.controller.image import Topic, check_name
from engine.controller.topics import MOST_PARTITIONS

__all__ = ["MOST_PARTITIONS", "Controller", "Topic", "check_name"]
