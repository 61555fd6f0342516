"""Errors that a person can correct: each is one clear sentence, and never holds a secret."""

from __future__ import annotations

import errno

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a disk that takes no more. Python names no file where it fails to write to an open one."""


class CallweaveError(Exception):
    """Base of the errors that the command line prints without a traceback."""

    @property
    def lines(self) -> list[str]:
        return str(self).splitlines()


class SettingsError(CallweaveError):
    """The settings can't be used; `problems` has a sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    @property
    def lines(self) -> list[str]:
        return [f"settings: {problem}" for problem in self.problems]


class StartError(CallweaveError):
    """Something outside prevents a start: a taken port, a server that does not answer."""


def file_trouble(error: OSError) -> str | None:
    """Return a sentence about a file or the output that can't be used; None for any other error."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}: check that this user may use it."
    if error.errno in FULL:
        return f"{error.strerror}: make room for what this command prints and keeps."
    return None
