"""What producers and consumers have in common on the screen: a symbol and a word for each state."""

from __future__ import annotations

from engine.snapshot import ClientState

SYMBOLS = {
    ClientState.RUNNING: "●",
    ClientState.PAUSED: "‖",
    ClientState.HUNG: "◍",
    ClientState.STOPPED: "■",
    ClientState.CRASHED: "✗",
}
GONE = (ClientState.STOPPED, ClientState.CRASHED)


def what_can_be_done(state: ClientState) -> str:
    """The keys that help a client in that state; empty while it works."""
    match state:
        case ClientState.STOPPED | ClientState.CRASHED:
            return "r restart  D remove"
        case ClientState.PAUSED:
            return "z go on"
        case ClientState.HUNG:
            return "w wake"
    return ""
