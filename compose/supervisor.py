"""Keep the stages running, each as a process of its own, and stop them in order.

honcho's Manager would end all of them as soon as one dies, stops them in no order, and kills what has not
ended after five seconds: a stage that drains needs the opposite.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import orjson

from compose import signals

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


def pause_seconds(ends: int) -> float:
    """The pause before restarting a stage that has ended this many times in a row."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** (ends - 1), LONGEST_PAUSE_SECONDS)


class Stage:
    """One stage: its process, its log, and when to start it again."""

    def __init__(self, name: str, command: list[str], *, host: str, port: int, log: Path, say: Say) -> None:
        """`host` and `port` are where it answers /readyz; `log` receives its output."""
        self.name = name
        self.log = log
        self.address = (host, port)
        self._command = command
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._resume: float | None = None
        self._ends = 0
        self._was_ready = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def hopeless(self) -> bool:
        """Whether it has ended again and again without ever being ready."""
        return self._ends >= HOPELESS and not self._was_ready

    def start(self) -> None:
        """Start the process; its log is continued."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, signals.held():
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only us, and we stop it in order
            )
        self._started = time.monotonic()
        self._resume = None

    def attend(self) -> None:
        """Notice that it has ended, and restart it when it is time. Call this often."""
        if self._process is not None:
            status = self._process.poll()
            if status is not None:
                self._process = None
                self._ended(status)
        elif self._resume is not None and time.monotonic() >= self._resume:
            self.start()

    def _ended(self, status: int) -> None:
        steady = time.monotonic() - self._started >= STEADY_SECONDS
        self._ends = 1 if steady else self._ends + 1
        pause = pause_seconds(self._ends)
        self._resume = time.monotonic() + pause
        again = f"starting it again in {pause:.0f} s"
        self._say(f"{self.name} ended ({exit_words(status)}); {again}. Its last words: {self.last_words()}")

    def ready(self) -> tuple[bool, str]:
        if self._process is None:
            return False, "it is not running"
        ready, reason = probe(*self.address)
        self._was_ready |= ready
        return ready, reason

    def last_words(self) -> str:
        """The last line of its log."""
        try:
            lines = self.log.read_bytes()[-LAST_WORDS:].decode("utf-8", "replace").strip().splitlines()
        except FileNotFoundError:
            return "it said nothing"
        return lines[-1] if lines else "it said nothing"

    def stop(self, patience_seconds: float) -> None:
        """Ask it to stop and wait; kill it if it takes longer."""
        self._resume = None
        process = self._process
        if process is None:
            return
        begin = time.monotonic()
        process.terminate()
        try:
            status = process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            self._say(f"{self.name} did not stop within {patience_seconds:.0f} s and was killed.")
            return
        self._process = None
        took = time.monotonic() - begin
        ended = "" if status in {0, -signal.SIGTERM} else f" with {exit_words(status)}"
        self._say(f"{self.name} stopped{ended} ({took:.1f} s).")

    def kill(self) -> None:
        """End it and everything it started, at once."""
        self._resume = None
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None


def probe(host: str, port: int) -> tuple[bool, str]:
    """Ask for /readyz; if not ready, with its reason, or with why there is no answer."""
    client = http.client.HTTPConnection(host, port, timeout=PROBE_SECONDS)
    try:
        client.request("GET", "/readyz")
        response = client.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return False, f"nothing answers at {host}:{port}"
    finally:
        client.close()
    return response.status == http.client.OK, _reason(body)


def _reason(body: bytes) -> str:
    try:
        return str(orjson.loads(body).get("reason", ""))
    except (orjson.JSONDecodeError, AttributeError):
        return ""


def exit_words(status: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
