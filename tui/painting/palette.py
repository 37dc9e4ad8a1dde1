"""The colours of the theme in force, as styles that painting functions use by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.color import Color, ColorParseError

from engine.events import Tone
from engine.snapshot import ClientState, GroupState
from themes.variables import DEFAULTS, MEMBER_LETTERS


@dataclass(frozen=True, slots=True)
class Palette:
    """One style a role; foregrounds only, save `cursor`, `hover` and `chosen`."""

    text: Style
    strong: Style
    quiet: Style
    faint: Style
    rule: Style
    rule_focus: Style
    accent: Style
    """What can be pressed."""
    good: Style
    warning: Style
    error: Style
    cursor: Style
    """The row the cursor stands on, in the focused panel."""
    cursor_blurred: Style
    hover: Style
    chosen: Style
    """One of several, chosen, where the keys go."""
    chosen_blurred: Style
    mark: Style
    """The sign in front of the row the cursor stands on."""
    lane_consumed: Style
    lane_pending: Style
    lane_waiting: Style
    lane_unreplicated: Style
    lane_head: Style
    lane_ahead: Style
    lane_committed: Style
    lane_cursor: Style
    flow_in: Style
    flow_out: Style
    flow_lag: Style
    json_key: Style
    json_text: Style
    json_number: Style
    json_word: Style
    members: tuple[Style, ...]
    states: Mapping[GroupState, Style]
    clients: Mapping[ClientState, Style]
    tones: Mapping[Tone, Style]
    background: str
    dark: bool

    def member(self, slot: int) -> Style:
        """The colour of the member in that slot; after eight they come round again, told apart by `letter`."""
        return self.members[slot % len(self.members)]


def letter(slot: int) -> str:
    """The letter of the member in that slot: A to Z, then a to z, then a number."""
    if slot < 26:
        return chr(ord("A") + slot)
    if slot < 52:
        return chr(ord("a") + slot - 26)
    return str(slot)


def palette_from(variables: Mapping[str, str], dark: bool = True, plain: bool = False) -> Palette:
    """The palette of a theme's variables (`App.theme_variables`).

    `plain` is for terminals of 16 colours and for NO_COLOR: the row of the cursor is shown in reverse.
    """

    def colour(name: str) -> str:
        text = variables.get(name) or DEFAULTS.get(name, "#808080")
        try:
            parsed = Color.parse(text)
        except ColorParseError:
            parsed = Color.parse(DEFAULTS.get(name, "#808080"))
        return "#{:02x}{:02x}{:02x}".format(*parsed.rgb)

    def style(name: str, bold: bool | None = None) -> Style:
        return Style(color=colour(name), bold=bold)

    return Palette(
        text=style("foreground"),
        strong=style("strong", bold=True),
        quiet=style("quiet"),
        faint=style("faint"),
        rule=style("rule"),
        rule_focus=style("rule-focus"),
        accent=style("primary", bold=True),
        good=style("success"),
        warning=style("warning"),
        error=style("error"),
        cursor=Style(reverse=True) if plain else Style(bgcolor=colour("cursor")),
        cursor_blurred=Style() if plain else Style(bgcolor=colour("cursor-blurred")),
        hover=Style(underline=True) if plain else Style(bgcolor=colour("cursor-blurred")),
        chosen=Style(color=colour("background"), bgcolor=colour("rule-focus"), bold=True, reverse=plain or None),
        chosen_blurred=Style(color=colour("strong"), bgcolor=colour("rule"), bold=True, reverse=plain or None),
        mark=style("rule-focus", bold=True),
        lane_consumed=style("lane-consumed"),
        lane_pending=style("lane-pending"),
        lane_waiting=style("lane-waiting"),
        lane_unreplicated=style("lane-unreplicated"),
        lane_head=style("lane-head", bold=True),
        lane_ahead=style("lane-ahead"),
        lane_committed=style("lane-committed"),
        lane_cursor=style("lane-cursor", bold=True),
        flow_in=style("flow-in"),
        flow_out=style("flow-out"),
        flow_lag=style("flow-lag"),
        json_key=style("json-key"),
        json_text=style("json-text"),
        json_number=style("json-number"),
        json_word=style("json-word"),
        members=tuple(style(f"member-{name}", bold=True) for name in MEMBER_LETTERS),
        states={
            GroupState.EMPTY: style("state-empty"),
            GroupState.PREPARING_REBALANCE: style("state-preparing"),
            GroupState.COMPLETING_REBALANCE: style("state-completing"),
            GroupState.ASSIGNING: style("state-preparing"),
            GroupState.RECONCILING: style("state-completing"),
            GroupState.STABLE: style("state-stable"),
            GroupState.DEAD: style("state-dead"),
        },
        clients={state: style(f"client-{state.value}") for state in ClientState},
        tones={tone: style(f"tone-{tone.value}") for tone in Tone},
        background=colour("background"),
        dark=dark,
    )
