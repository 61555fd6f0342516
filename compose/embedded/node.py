"""One server process of the embedded stack: start it, wait until it answers, stop it, kill it."""

from __future__ import annotations

import contextlib
import os
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from compose.child import Child
from runtime.addresses import listening

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

POLL_SECONDS = 0.05


class NodeError(Exception):
    """The server can't run; the text is one sentence that says what to do."""


class PortTakenError(NodeError):
    def __init__(self, name: str, host: str, port: int) -> None:
        super().__init__(
            f"{name} needs {host}:{port}, but another program listens there: stop it, or choose another port."
        )


class Node(Child, ABC):
    """A server that runs as a process group of its own, with its data and its log under one folder."""

    name: str
    """Its name for people, such as "Kafka"."""
    port: int
    """Where clients reach it."""
    start_timeout_seconds: float = 60.0

    def __init__(self, data: Path, host: str = "127.0.0.1") -> None:
        """`data` is the folder that survives restarts; it is made when missing."""
        super().__init__()
        self.data = data
        self.host = host

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
    def pid(self) -> int:
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
                self.launch(
                    self.command(),
                    self.output,
                    environment=self.environment(),
                    descriptors=descriptors,
                    dies_with_us=True,
                )
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

    def wait_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_seconds
        while not self.ready():
            if self.ended() is not None:
                reason = self.explain() or "it ended while starting"
                raise NodeError(f"{self.name} can't run: {reason}; its log is {self.log}.")
            if time.monotonic() > deadline:
                self.kill()
                message = (
                    f"{self.name} did not answer within {self.start_timeout_seconds:.0f} s; see {self.log}."
                )
                raise NodeError(message)
            time.sleep(POLL_SECONDS)

    def stop(self, timeout_seconds: float = 30.0) -> None:
        """Ask it to stop and wait; kill it if it does not."""
        self.terminate(timeout_seconds)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
