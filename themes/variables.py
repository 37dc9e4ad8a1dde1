"""The names a palette gives colours to beyond Textual's own, with what each is for and the colour when it is left out.

Colours never carry meaning alone: owners are letters too, states are words, markers are symbols.
"""

from __future__ import annotations

MEMBER_LETTERS = "abcdefgh"

DEFAULTS: dict[str, str] = {
    # text, from loud to faint
    "strong": "#f2f6fb",
    "quiet": "#8d9bae",
    "faint": "#566577",
    "rule": "#2b3645",
    "rule-focus": "#5fb8c9",
    "cursor": "#22303f",
    "cursor-blurred": "#1a232e",
    # owners of partitions, always shown with their letter
    "member-a": "#6cb4ff",
    "member-b": "#f0a860",
    "member-c": "#82d18f",
    "member-d": "#e390cf",
    "member-e": "#e2d06e",
    "member-f": "#a596ff",
    "member-g": "#5fd0c5",
    "member-h": "#f28b82",
    # a lane: behind the committed offset, delivered but not committed, not yet delivered, above the high watermark,
    # the log end, room ahead
    "lane-consumed": "#3d4d60",
    "lane-pending": "#d3a94f",
    "lane-waiting": "#5fb8c9",
    "lane-unreplicated": "#c792c9",
    "lane-head": "#f2f6fb",
    "lane-ahead": "#222c38",
    "lane-committed": "#82d18f",
    "lane-cursor": "#ffd866",
    # states of a group
    "state-empty": "#8d9bae",
    "state-preparing": "#f0a860",
    "state-completing": "#e2d06e",
    "state-stable": "#82d18f",
    "state-dead": "#f2777a",
    # states of a client that lives in the lab
    "client-running": "#82d18f",
    "client-paused": "#e2d06e",
    "client-hung": "#f0a860",
    "client-stopped": "#8d9bae",
    "client-crashed": "#f2777a",
    # how to take an event
    "tone-info": "#b6c2d1",
    "tone-good": "#82d18f",
    "tone-change": "#6cb4ff",
    "tone-warning": "#f0a860",
    "tone-loss": "#f2777a",
    # charts
    "flow-in": "#6cb4ff",
    "flow-out": "#82d18f",
    "flow-lag": "#f0a860",
    # records, pretty-printed
    "json-key": "#6cb4ff",
    "json-text": "#a9d8a0",
    "json-number": "#f0a860",
    "json-word": "#c7a6ff",
}
