"""The controller: which topics there are, which brokers are alive, who leads and who is in sync."""

from engine.controller.controller import MOST_PARTITIONS, Controller
from engine.controller.image import Topic, check_name

__all__ = ["MOST_PARTITIONS", "Controller", "Topic", "check_name"]
