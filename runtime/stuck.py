"""Whether the work goes on: what hangs, or is tried again and again, fails no call that anybody reports."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable


class Progress:
    """Written by the thread that works, read by those that ask: they see each mapping as it was made."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """After so many seconds without progress the work is stuck."""
        self._most = seconds
        self._now = now
        self._since: dict[Hashable, float] = {}
        """By batch, since when it is worked on."""
        self._errors = ""
        self._behind_since: float | None = None

    def begin(self, batch: Hashable = None) -> None:
        """Note that a batch is being worked on; only one without a name at a time."""
        self._since = {**self._since, batch: self._now()}

    def end(self, batch: Hashable = None) -> None:
        """Note that the batch is done, or given up."""
        self._since = {each: since for each, since in self._since.items() if each != batch}

    def waits(self, batch: Hashable = None) -> None:
        """Note that the batch waits on purpose for what may still arrive: it counts as begun now."""
        self.begin(batch)
        self.committed()

    def tried(self, errors: Iterable[str]) -> None:
        """Note why the last attempt failed, by the errors' names; none if it succeeded."""
        self._errors = ", ".join(errors)

    def committed(self) -> None:
        self._behind_since = None if self._behind_since is None else self._now()

    def lag(self, messages: int) -> None:
        """Note how many messages are not committed."""
        if not messages:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = self._now()

    def same_batch(self) -> float:
        """Return for how many seconds the oldest batch has been tried."""
        return _since(min(self._since.values(), default=None), self._now())

    def no_commit(self) -> float:
        """Return for how many seconds nothing was committed although there is lag."""
        return _since(self._behind_since, self._now())

    def reasons(self) -> list[str]:
        """Return why the work is stuck; empty while it progresses."""
        batch, commit = self.same_batch(), self.no_commit()
        found = []
        if batch > self._most:
            why = f" ({self._errors})" if self._errors else ""
            found.append(f"the same batch has been tried for {batch:.0f} s{why}")
        if commit > self._most:
            found.append(f"nothing was committed for {commit:.0f} s although there is lag")
        return found


def _since(then: float | None, now: float) -> float:
    return 0.0 if then is None else now - then
