"""The ingress as a process: one granian worker with blocking threads, and an orderly end.

By itself granian supervises worker processes. A worker outlives its killed parent and goes on holding the
port; one process is killed as a whole, and serves no slower. So granian's thread-based server runs here,
which it takes by itself only where Python has no global lock.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mt import MTServer

from ingest.app import create_app
from ingest.metrics import SOURCES_STALE
from ingest.publisher import KafkaPublisher
from runtime.addresses import bind_error, free_port, listening, reachable
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.sources import SourcesFile
from schemas.topics import Topic

if TYPE_CHECKING:
    from ingest.publisher import Publisher
    from runtime.metrics import Ready
    from runtime.settings import IngestSettings
    from runtime.stage import StageProcess

log = structlog.get_logger(__name__)

PUBLISHER_SECONDS = 60.0
"""How long one round of the publisher may take, beyond an acknowledgement's own limit."""


def run(stage: StageProcess) -> None:
    """Serve until told to stop; raise `StartError` or `SourcesError` when that can't begin."""
    settings, limits = stage.settings, stage.settings.ingest
    sources_file = SourcesFile(settings.sources_file)
    port = free_or_taken(limits)
    topics = [settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED)]
    beat = partial(stage.heart.beat, "the publisher", PUBLISHER_SECONDS + limits.acknowledge_timeout_seconds)
    publisher = KafkaPublisher(settings.kafka, topics, limits.acknowledge_timeout_seconds, beat)
    server = Server(limits, port)
    server.on_startup(stage.take_signals)  # granian has just put handlers of its own there
    stage.when_stopping(server.signal_handler_interrupt)
    app = create_app(settings, sources_file, publisher, SystemClock())
    stage.started(lambda: readiness(publisher, sources_file) if server.listens() else (False, "starting"))
    SOURCES_STALE.set_function(lambda: is_stale(sources_file))
    publisher.start()
    log.info("ingest serves", host=limits.host, port=port)
    server.serve(target_loader=lambda: app, wrap_loader=False)
    publisher.close()
    log.info("ingest has stopped", unfinished=not server.drained)


def readiness(publisher: Publisher, sources_file: SourcesFile) -> Ready:
    """Whether callbacks can be kept. A broken sources file stops none: the last good version is in use."""
    stale = "the sources file is broken, its last good version is in use" if is_stale(sources_file) else ""
    return (True, stale) if publisher.answering() else (False, "the broker does not answer")


def is_stale(sources_file: SourcesFile) -> bool:
    """Whether the sources file is broken now."""
    sources_file.current()
    return sources_file.problem is not None


def free_or_taken(limits: IngestSettings) -> int:
    """The port to listen on, a free one for 0; raise `StartError` when another program has it.

    granian shares a port with whoever allows it (SO_REUSEPORT), and would take half of another's requests.
    """
    if error := bind_error(limits.host, limits.port):
        raise StartError(
            f"ingest can't listen on {limits.host}:{limits.port}: {os.strerror(error)}. "
            "Stop the program that does, or choose another port (CALLWEAVE_INGEST__PORT)."
        )
    return limits.port or free_port(limits.host)


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
        self._listens = False

    def listens(self) -> bool:
        """Whether clients can connect; once they can, that is not asked again."""
        self._listens = self._listens or listening(reachable(self.bind_addr), self.bind_port)
        return self._listens

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
