"""A whole cluster in one object: opens a lab folder, offers the verbs, shows the world."""

from engine.cluster.browser import Browser
from engine.cluster.cluster import Cluster
from engine.cluster.offsets import AtTime, Earliest, Exactly, Latest, OffsetChange, OffsetPlan, Shift, Target, To
from engine.pages import BrowsedRecord, Page

__all__ = [
    "AtTime",
    "BrowsedRecord",
    "Browser",
    "Cluster",
    "Earliest",
    "Exactly",
    "Latest",
    "OffsetChange",
    "OffsetPlan",
    "Page",
    "Shift",
    "Target",
    "To",
]
