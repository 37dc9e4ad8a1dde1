"""What a person reads off the Lab: figures of the header, lanes, members, and who is not in the group."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.tour.terminal import Terminal

_LANE = re.compile(r"│[▸ ]P(\d+) [▕‹][^│]*? ([\d,.kM]+) ([A-Z·]) +│")
_MEMBER = re.compile(r"│[▸ ]([A-Z]) (\S+)(?: leader)? ")
_GENERATION = re.compile(r"gen (\d+)")


@dataclass(frozen=True, slots=True)
class Lane:
    """A partition: its log end, and the letter of its owner ("·" for nobody)."""

    end: int
    owner: str


def header(terminal: Terminal, name: str) -> float:
    """A figure of the first line: "in", "out" or "lag"."""
    found = re.search(rf" {name} ([\d,.]+)", terminal.lines[0])
    return float(found[1].replace(",", "")) if found else -1.0


def clock(terminal: Terminal) -> str:
    """Lab time, at the top right."""
    return terminal.lines[0].split()[-1]


def lanes(terminal: Terminal) -> dict[int, Lane]:
    """The partitions that are in view."""
    found = (_LANE.search(line) for line in terminal.lines)
    return {int(lane[1]): Lane(int(lane[2].replace(",", "")), lane[3]) for lane in found if lane}


def members(terminal: Terminal) -> dict[str, str]:
    """Names of the members in view, by their letter."""
    found = (_MEMBER.search(line) for line in terminal.lines)
    return {member[1]: member[2] for member in found if member}


def owners(terminal: Terminal) -> dict[int, str]:
    """The name of the member that owns each partition."""
    names = members(terminal)
    return {number: names.get(lane.owner, "") for number, lane in lanes(terminal).items()}


def shares(terminal: Terminal) -> list[int]:
    """How many partitions each owner has, the fewest first."""
    letters = [lane.owner for lane in lanes(terminal).values()]
    return sorted(letters.count(letter) for letter in set(letters))


def generation(terminal: Terminal) -> int:
    """The generation of the group that is shown."""
    found = _GENERATION.search(next((line for line in terminal.lines if "╭" in line), ""))
    return int(found[1]) if found else -1


def stable(terminal: Terminal, count: int) -> bool:
    """The group is Stable with so many members, and every partition is somebody's."""
    said = terminal.says(f"Stable: {count} members share 6 partitions.")
    letters = {lane.owner for lane in lanes(terminal).values()}
    return said and len(lanes(terminal)) == 6 and "·" not in letters
