"""Keep the stages running, each as a process of its own, and stop them in order.

honcho's Manager would end all of them as soon as one dies, stops them in no order, and kills what has not
ended after five seconds: a stage that drains needs the opposite.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from compose.child import Child
from runtime.backoff import pause_after
from runtime.probe import readiness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[[str], None]  # prints one line

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A stage that has run this long starts again with the first pause."""
HOPELESS = 5
"""Ends in a row, without being ready in between, after which a stage is given up."""
PROBE_SECONDS = 2.0
LAST_WORDS = 2000
"""Bytes at the end of a log in which to look for the last line."""


class Stage(Child):
    """One stage: its process, its log, and when to start it again."""

    def __init__(self, name: str, command: list[str], *, host: str, port: int, log: Path, say: Say) -> None:
        """`host` and `port` are where it answers /readyz; `log` gets what it says."""
        super().__init__()
        self.name = name
        self.log = log
        self.address = (host, port)
        self._command = command
        self._say = say
        self._started = 0.0
        self._resume: float | None = None
        self._ends = 0
        self._was_ready = False

    @property
    def hopeless(self) -> bool:
        """Return whether it has ended again and again without ever being ready."""
        return self._ends >= HOPELESS and not self._was_ready

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.launch(self._command, self.log)
        self._started = time.monotonic()
        self._resume = None

    def attend(self) -> None:
        """Notice that it has ended, and start it again when its time has come. Call this often."""
        status = self.ended()
        if status is not None:
            self._note_end(status)
        elif self.pid is None and self._resume is not None and time.monotonic() >= self._resume:
            self.start()

    def _note_end(self, status: int) -> None:
        steady = time.monotonic() - self._started >= STEADY_SECONDS
        self._ends = 1 if steady else self._ends + 1
        pause = pause_after(self._ends, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
        self._resume = time.monotonic() + pause
        again = f"starting it again in {pause:.0f} s"
        self._say(f"{self.name} ended ({exit_words(status)}); {again}. Its last words: {self.last_words()}")

    def ready(self) -> tuple[bool, str]:
        if self.pid is None:
            return False, "it is not running"
        ready, reason = readiness(*self.address, timeout=PROBE_SECONDS)
        self._was_ready |= ready
        return ready, reason

    def last_words(self) -> str:
        try:
            lines = self.log.read_bytes()[-LAST_WORDS:].decode("utf-8", "replace").strip().splitlines()
        except FileNotFoundError:
            return "it said nothing"
        return lines[-1] if lines else "it said nothing"

    def stop(self, patience_seconds: float) -> None:
        """Ask it to stop and wait; kill it if it takes longer."""
        self._resume = None
        if self.pid is None:
            return
        begin = time.monotonic()
        status = self.terminate(patience_seconds)
        if status is None:
            self._say(f"{self.name} did not stop within {patience_seconds:.0f} s and was killed.")
            return
        took = time.monotonic() - begin
        ended = "" if status in {0, -signal.SIGTERM} else f" with {exit_words(status)}"
        self._say(f"{self.name} stopped{ended} ({took:.1f} s).")

    def kill(self) -> None:
        """End it and all that it started, at once, and for good."""
        self._resume = None
        super().kill()


def exit_words(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
