"""The ingress as a process: one granian worker with blocking threads, and an orderly end.

By itself granian supervises worker processes. A worker outlives its killed parent and goes on holding the
port; one process is killed as a whole, and serves no slower. So granian's thread-based server runs here,
which it takes by itself only where Python has no global lock.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import structlog
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mt import MTServer

from ingest.app import create_app
from ingest.publisher import KafkaPublisher
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.sources import SourcesFile
from schemas.topics import Topic

if TYPE_CHECKING:
    from runtime.settings import IngestSettings, Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raise `StartError` or `SourcesError` when that can't begin."""
    limits = settings.ingest
    sources_file = SourcesFile(settings.sources_file)
    port = free_or_taken(limits)
    topics = [settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED)]
    publisher = KafkaPublisher(settings.kafka, topics, limits.acknowledge_timeout_seconds)
    server = Server(limits, port)
    app = create_app(settings, sources_file, publisher, SystemClock(), draining=server.draining)
    publisher.start()
    log.info("ingest serves", host=limits.host, port=port)
    server.serve(target_loader=lambda: app, wrap_loader=False)
    publisher.close()
    log.info("ingest has stopped", unfinished=not server.drained)
    leave()


def leave() -> NoReturn:
    """End the process at once, with success.

    granian's threads live on, idle or with a client that never finishes its request, and panic when they meet
    a Python that is being torn down. Nothing is left to be saved: what was acknowledged is with the broker.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def free_or_taken(limits: IngestSettings) -> int:
    """The port to listen on, a free one for 0; raise `StartError` when another program has it.

    granian shares a port with whoever allows it (SO_REUSEPORT), and would take half of another's requests.
    """
    family = socket.AF_INET6 if ":" in limits.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((limits.host, limits.port))
        except OSError as error:
            raise StartError(
                f"ingest can't listen on {limits.host}:{limits.port}: {error.strerror}. "
                "Stop the program that does, or choose another port (CALLWEAVE_INGEST__PORT)."
            ) from None
        port: int = probe.getsockname()[1]
        return port


class Server(MTServer):
    """granian's thread-based server, which gives unfinished requests a set time at the end."""

    def __init__(self, limits: IngestSettings, port: int) -> None:
        super().__init__(
            "ingest",
            address=limits.host,
            port=port,
            interface=Interfaces.WSGI,
            blocking_threads=limits.threads,
            http1_settings=HTTP1Settings(header_read_timeout=10_000),
            websockets=False,
            log_access=False,  # the path holds the token
            log_level=LogLevels.error,
        )
        granian = logging.getLogger("_granian")
        granian.handlers.clear()
        granian.propagate = True  # to where everything else is logged
        self.drain_seconds = limits.drain_seconds
        self.drained = True

    def draining(self) -> bool:
        """Whether it has been told to stop."""
        return bool(self.interrupt_signal)

    def signal_handler_reload(self, *_: Any, **__: Any) -> None:
        """Nothing to do on SIGHUP: the sources file is looked at all the time."""

    def _check_gil(self) -> None:
        """Python's global lock is welcome here."""

    def _stop_workers(self) -> None:
        """Stop accepting, and wait until requests in flight are answered or their time is up."""
        deadline = time.monotonic() + self.drain_seconds
        for worker in self.wrks:
            worker.terminate()  # type: ignore[no-untyped-call]
        for worker in self.wrks:
            worker.join(max(0.0, deadline - time.monotonic()))  # type: ignore[no-untyped-call]
            self.drained = self.drained and not worker.inner.is_alive()
        self.wrks.clear()
