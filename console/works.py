"""Work that goes on in the background while pages show how far it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from console.troubles import sentence_of
from runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.settings import Settings

log = structlog.get_logger(__name__)

T = TypeVar("T")
DEFECT = "It ended with an error that nobody foresaw: the console's log has it."


@dataclass(frozen=True)
class Work(Generic[T]):
    began: int
    """Microseconds since 1970 UTC."""
    known: T
    """What it is and how far it is; at its end its result."""
    running: bool = True
    trouble: str = ""
    """Why it failed, in a sentence."""


class Works(Generic[T]):
    """Works of one kind, one at a time: any thread may start one and look at the newest."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self._settings = settings
        self._lock = threading.Lock()
        self.last: Work[T] | None = None
        """The one that runs, or ran last."""

    def start(self, first: T, do: Callable[[Callable[[T], None]], T]) -> bool:
        """Begin one, unless one runs. `do` tells how far it is, and returns its result."""
        with self._lock:
            if self.last is not None and self.last.running:
                return False
            self.last = Work(SystemClock().now(), first)
        threading.Thread(target=self._run, args=(self.last, do), name=self.name, daemon=True).start()
        return True

    def _run(self, work: Work[T], do: Callable[[Callable[[T], None]], T]) -> None:
        def tell(known: T) -> None:
            nonlocal work
            self.last = work = replace(work, known=known)

        try:
            tell(do(tell))
        except Exception as error:  # noqa: BLE001 - a defect in one work must not take the pages from everybody
            self.last = replace(work, running=False, trouble=self._trouble(error))
        else:
            self.last = replace(work, running=False)

    def _trouble(self, error: Exception) -> str:
        sentence = sentence_of(self._settings, error)
        if sentence is None:
            log.error("unexpected error; the work ends", work=self.name, exc_info=error)
            return DEFECT
        log.warning("the work failed", work=self.name, problem=sentence)
        return sentence
