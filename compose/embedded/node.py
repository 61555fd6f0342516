"""One server process of the embedded stack: start it, wait until it answers, stop it, kill it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from compose import signals
from runtime.addresses import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

POLL_SECONDS = 0.05
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class NodeError(Exception):
    """The server can't run; the text is one sentence that says what to do."""


class PortTakenError(NodeError):
    """Another program listens on a port that the server needs."""

    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(
            f"{name} needs {host}:{port}, but another program listens there: stop it, or choose another port."
        )


def end_with_parent() -> Callable[[], None] | None:
    """For `Popen(preexec_fn=…)`: the kernel kills the child if we die suddenly (Linux only).

    Otherwise a killed test run or `make run` would leave servers behind that hold their ports.
    The kernel watches the thread that started the child, so only the main thread may ask for it.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl  # looked up before the fork, after which little is safe
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Node(ABC):
    """A server in a process group of its own, with its data and its log in one folder."""

    name: str
    """Its name for people, such as "Kafka"."""
    start_timeout_seconds: float = 60.0

    def __init__(self, data: Path, host: str = "127.0.0.1") -> None:
        """`data` is the folder that survives restarts; it is created if missing."""
        self.data = data
        self.host = host
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def ports(self) -> list[int]: ...

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves requests now. Never raises for a server that is not up yet."""

    @contextlib.contextmanager
    def holding(self) -> Iterator[Sequence[int]]:
        """What is held from before `prepare` until the server runs: descriptors that it inherits."""
        yield ()

    def prepare(self) -> None:
        """Prepare the first start: programs, formatted storage. Idempotent."""

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def explain(self) -> str | None:
        """Why it ended while starting, as one sentence without a full stop; None if its log doesn't say."""
        return None

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def output(self) -> Path:
        """Where its standard output and errors go; not the log, if the server writes that itself."""
        return self.log

    @property
    def running(self) -> bool:
        """Whether the process that `start` made is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise NodeError(f"{self.name} is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it serves requests; raise `NodeError` otherwise."""
        if self.running:
            raise NodeError(f"{self.name} runs already, as process {self.pid}.")
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            self._check_ports()
            with self.holding() as descriptors:
                self.prepare()
                self._check_ports()  # preparing may have taken a while
                self._launch(descriptors)
        except OSError as error:
            raise NodeError(f"{self.name} can't start in {self.data}: {error}.") from error
        try:
            self.wait_ready()
        except BaseException:  # Ctrl-C too: the caller won't get the server, so nobody would stop it
            self.kill()
            raise

    def _check_ports(self) -> None:
        for port in self.ports():
            if listening(self.host, port):
                raise PortTakenError(self.name, self.host, port)

    def _launch(self, descriptors: Sequence[int]) -> None:
        with self.output.open("ab") as output, signals.held():
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C reaches only us, and we stop it in order
                preexec_fn=end_with_parent(),  # noqa: PLW1509 - it makes one system call, and takes no lock
            )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_seconds
        while not self.ready():
            if self._process is not None and self._process.poll() is not None:
                self._process = None
                reason = self.explain() or "it ended while starting"
                raise NodeError(f"{self.name} can't run: {reason}; its log is {self.log}.")
            if time.monotonic() > deadline:
                self.kill()
                message = (
                    f"{self.name} did not answer within {self.start_timeout_seconds:.0f} s; see {self.log}."
                )
                raise NodeError(message)
            time.sleep(POLL_SECONDS)

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Wait for the process to end by itself; return its exit status, or None if it still runs."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Ask it to stop (SIGTERM) and wait; kill it if it does not."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """Stop it as a power failure would (SIGKILL to the whole group)."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
