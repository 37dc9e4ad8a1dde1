"""The lab's own errors, outside Kafka's."""

from __future__ import annotations


class LabError(Exception):
    """The lab's own errors, outside Kafka's: each message says what was wrong and how to mend it."""


class LabLockedError(LabError):
    """The lab folder is open in another Kafkarium; carries its process id."""

    def __init__(self, folder: str, pid: int) -> None:
        super().__init__(
            f"The lab {folder} is open in another Kafkarium (process {pid}). "
            "Quit that one, or open another lab by naming another folder."
        )
        self.pid = pid


class NotALabError(LabError):
    """The folder holds something else."""


class LabTooNewError(LabError):
    """A newer Kafkarium made this lab."""


class LabDamagedError(LabError):
    """A database file of the lab cannot be read."""


class LabNotWritableError(LabError):
    """The lab folder cannot be made or written."""


class RefusedError(LabError):
    """A verb of the lab was refused; the message says why and what would be accepted."""
