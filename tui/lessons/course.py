"""The lessons in their order."""

from __future__ import annotations

from tui.lessons.copies import ACKS, BROKERS
from tui.lessons.groups import GROUPS, OFFSETS, PACE, SHARING
from tui.lessons.outside import OWN
from tui.lessons.records import KEY, NO_KEY, RECORD

COURSE = (RECORD, KEY, NO_KEY, SHARING, GROUPS, PACE, OFFSETS, BROKERS, ACKS, OWN)
