"""Errors that a person can put right: each is one clear sentence, and never holds a secret."""

from __future__ import annotations


class CallweaveError(Exception):
    """Base of the errors that the command line prints as they are, without a traceback."""

    @property
    def lines(self) -> list[str]:
        """What the command line prints."""
        return str(self).splitlines()


class SettingsError(CallweaveError):
    """The settings can't be used; `problems` has a sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        """`problems` is never empty."""
        super().__init__("\n".join(problems))
        self.problems = problems

    @property
    def lines(self) -> list[str]:
        """A line for each mistake."""
        return [f"settings: {problem}" for problem in self.problems]


class StartError(CallweaveError):
    """Something outside stands in the way of a start: a taken port, a server that does not answer."""
