"""Errors that a person can correct: each is one clear sentence, and never holds a secret."""

from __future__ import annotations


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
