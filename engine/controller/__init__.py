"""The controller: which topics there are, which brokers are alive, who leads and who is in sync."""

from engine.controller.controller import Controller
from engine.controller.image import Topic, check_name

__all__ = ["Controller", "Topic", "check_name"]
