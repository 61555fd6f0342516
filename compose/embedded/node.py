"""One server process of the embedded stack: start it, wait until it answers, stop it, kill it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

POLL_SECONDS = 0.05


class NodeError(Exception):
    """The server can't run; the text is one sentence that says what to do."""


class PortTakenError(NodeError):
    """Another program listens on a port that the server needs."""

    def __init__(self, name: str, host: str, port: int) -> None:
        """Say which server, which address."""
        super().__init__(
            f"{name} needs {host}:{port}, but another program listens there: stop it, or choose another port."
        )


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def listening(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


class Node(ABC):
    """A server that runs as a process group of its own, with its data and its log under one folder."""

    name: str
    """How people call it, as in "Kafka"."""
    start_timeout_seconds: float = 60.0

    def __init__(self, data: Path, host: str = "127.0.0.1") -> None:
        """`data` is the folder that survives restarts; it is made when missing."""
        self.data = data
        self.host = host
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the server."""

    @abstractmethod
    def ports(self) -> list[int]:
        """Every port it listens on."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves requests now. Never raises for a server that is not up yet."""

    def prepare(self) -> None:
        """What must be there before the first start: programs, formatted storage. Idempotent."""

    def environment(self) -> dict[str, str]:
        """The server's environment."""
        return dict(os.environ)

    @property
    def log(self) -> Path:
        """Where the server writes what it says."""
        return self.data / "server.log"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None:
            raise NodeError(f"{self.name} is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start it and return when it serves requests; raise `NodeError` otherwise."""
        self.data.mkdir(parents=True, exist_ok=True)
        for port in self.ports():
            if listening(self.host, port):
                raise PortTakenError(self.name, self.host, port)
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it serves requests."""
        deadline = time.monotonic() + self.start_timeout_seconds
        while not self.ready():
            if self._process is not None and self._process.poll() is not None:
                self._process = None
                raise NodeError(f"{self.name} ended while starting; its last words are in {self.log}.")
            if time.monotonic() > deadline:
                self.kill()
                message = (
                    f"{self.name} did not answer within {self.start_timeout_seconds:.0f} s; see {self.log}."
                )
                raise NodeError(message)
            time.sleep(POLL_SECONDS)

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
        """Stop it as a power cut would (SIGKILL to the whole group)."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._process = None

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()
