"""A child process of ours, in a process group of its own: start it, ask it to stop, kill it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from compose import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> Callable[[], None] | None:
    """For `Popen(preexec_fn=…)`: the kernel kills the child when we die without notice (Linux only).

    Without it a killed test run or `make run` would leave servers behind that hold their ports. The
    kernel watches the thread that started the child, so only the main thread may use this.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, where little is safe
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """At most one process at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id, None where nothing was started or its end was noticed."""
        return self._process.pid if self._process is not None else None

    def launch(
        self,
        command: list[str],
        output: Path,
        *,
        environment: Mapping[str, str] | None = None,
        descriptors: Sequence[int] = (),
        dies_with_us: bool = False,
    ) -> None:
        """Start it; its output is appended to `output`. It inherits the descriptors."""
        with output.open("ab") as file, signals.held():
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
                preexec_fn=end_with_parent() if dies_with_us else None,  # noqa: PLW1509 - one system call, no lock
            )

    def ended(self) -> int | None:
        """Return the exit status, once, of a process that has ended by itself."""
        status = self._process.poll() if self._process is not None else None
        if status is not None:
            self._process = None
        return status

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for the process to end: return its exit status, or None if it still runs by then."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self, patience_seconds: float) -> int | None:
        """Ask it to stop (SIGTERM); return its exit status, or None if it took too long and was killed."""
        if self._process is not None:
            self._process.terminate()
        status = self.wait(patience_seconds)
        if status is None:
            self.kill()
        self._process = None
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Stop it as a power cut would (SIGKILL to the whole group)."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None
