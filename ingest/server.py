"""The ingress as a process: an event loop that reads requests, threads that answer them, an orderly end."""

from __future__ import annotations

import contextlib
import queue
import resource
import signal
import socket
import time
from collections import Counter
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeAlias

import structlog
import uvloop

from ingest import metrics
from ingest.answers import plain
from ingest.app import create_app
from ingest.broker import Broker
from ingest.connection import Connection, Phase
from ingest.drain import Drain, Keeper
from ingest.later import TOGETHER
from ingest.metrics import SOURCES_STALE
from ingest.publisher import KafkaPublisher
from ingest.spool import Spool
from ingest.wsgi import NotATargetError, environ_of, respond
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.kafka import client_options
from runtime.sources import SourcesFile
from schemas.topics import Topic

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIApplication

    from ingest.later import Later
    from ingest.publisher import Publisher
    from ingest.wsgi import Request
    from runtime.metrics import Ready
    from runtime.settings import IngestSettings
    from runtime.stage import StageProcess

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 0.25
"""Between two looks for connections whose time is up."""
ROUND_SECONDS = 120.0
"""How long one round of the publisher or the spool may take before it counts as standing still."""
BACKLOG = 1024
"""Connections that the machine accepts before we do."""
FILES_BESIDE = 256
"""Open files that are no connections of providers."""
PAUSE_SECONDS = 0.008
"""Requests that arrive within it are answered together: fewer threads wake up, and fewer requests go to the
broker, each of which costs as much as ten callbacks. A single request does not wait."""
MOST_TOGETHER = 64
"""Requests that one thread answers together: 10 ms of work, as long as bodies are small."""
MOST_BYTES_TOGETHER = 65_536
"""Of their bodies, unless the first is larger: nobody waits behind many large ones."""

Answered: TypeAlias = "tuple[Connection, Request, bytes]"
"""A request of a connection, and the bytes of its answer."""


def run(stage: StageProcess) -> None:
    """Serve until told to stop; raise `StartError` or `SourcesError` when that can't begin."""
    settings, limits = stage.settings, stage.settings.ingest
    sources_file = SourcesFile(settings.sources_file)
    server = Server(limits)
    stage.watch_loop("the server", server.loop)
    stage.when_stopping(server.stop)
    SOURCES_STALE.set_function(lambda: is_stale(sources_file))
    with keeping(stage) as keeper:
        stage.started(lambda: readiness(keeper, sources_file))
        log.info("ingest serves", host=limits.host, port=server.port)
        drained = server.serve(create_app(settings, sources_file, keeper, SystemClock()))
    log.info("ingest has stopped", unfinished=not drained)


def readiness(publisher: Publisher, sources_file: SourcesFile) -> Ready:
    """Return whether callbacks can be kept. With a broken sources file the last good version is in use."""
    stale = (
        "the sources file is in trouble, its last good version is in use" if is_stale(sources_file) else ""
    )
    return (True, stale) if publisher.answering() else (False, "neither the broker nor the spool answers")


def is_stale(sources_file: SourcesFile) -> bool:
    """Return whether the sources file is in trouble now."""
    sources_file.current()
    return sources_file.problem is not None


@contextmanager
def keeping(stage: StageProcess) -> Iterator[Publisher]:
    """Keep callbacks in Kafka, and in a spool while it does not answer."""
    settings, limits = stage.settings, stage.settings.ingest
    topics = [settings.kafka.prefix + topic for topic in (Topic.RAW, Topic.REJECTED)]
    folder = settings.spool_folder()
    publisher = KafkaPublisher(
        settings.kafka,
        topics,
        limits.acknowledge_timeout_seconds,
        patience_seconds=limits.spool_after_seconds if folder else None,
        beat=partial(stage.heart.beat, "the publisher", ROUND_SECONDS),
    )
    publisher.start()
    try:
        if folder is None:
            yield publisher
            return
        spool = Spool(folder, limits.spool_max_bytes)
        if not spool.check():
            log.warning(
                "nothing can be kept on the disk: while Kafka is away the answer is 503", spool=str(folder)
            )
        connect = partial(Broker, client_options(settings.kafka), topics)
        beat = partial(stage.heart.beat, "the spool", ROUND_SECONDS)
        drain = Drain(spool, connect, publisher, beat)
        drain.start()
        yield Keeper(publisher, spool)
        drain.close()
    finally:
        publisher.close()


class Server:
    """Serves a WSGI application over HTTP/1.1.

    Everything that may take long is bounded: each phase of a request in time, connections in number, in
    all and by peer. One more closes the one that has been useless for longest.
    """

    def __init__(self, limits: IngestSettings) -> None:
        """Take the port; raise `StartError` if it is taken."""
        self.limits = limits
        self.stopping = False
        self.buffered = 0
        self._listener = listener(limits)
        self._listening: asyncio.AbstractServer | None = None
        self.loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._work: queue.SimpleQueue[tuple[Connection, Request]] = queue.SimpleQueue()
        self._turn = Lock()
        """Held by the thread that gathers requests."""
        self._taken_at = 0.0
        """When that was last done, in monotonic seconds."""
        self._in_flight: Counter[bytes] = Counter()
        self._under_way = 0
        """Of all paths together: threads read it, and can't add up what changes meanwhile."""
        self._connections: dict[Connection, None] = {}
        """Ordered by their last request, the oldest first."""
        self._of_peer: dict[str, dict[Connection, None]] = {}
        self._most = min(limits.max_connections, open_files() - FILES_BESIDE)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def now(self) -> float:
        """The time in seconds, on the clock of deadlines."""
        return self.loop.time()

    def serve(self, app: WSGIApplication) -> bool:
        """Serve until `stop`; return whether every request was answered at the end."""
        for number in range(self.limits.threads):
            Thread(target=self._answer_for_ever, args=(app,), name=f"ingest-{number}", daemon=True).start()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the sources file is looked at all the time
        self._listening = self.loop.run_until_complete(
            self.loop.create_server(lambda: Connection(self), sock=self._listener, backlog=BACKLOG)
        )
        self._sweep()
        if not self.stopping:
            self.loop.run_forever()
        return not self._connections

    def stop(self) -> None:
        """End once requests under way are answered or their time is up. Any thread may call this."""
        self.loop.call_soon_threadsafe(self._stop)

    # For connections, in the loop's thread.

    def enter(self, connection: Connection) -> bool:
        """Count a connection; return False if there is no room."""
        peers = self._of_peer.setdefault(connection.peer, {})
        full = peers if len(peers) >= self.limits.max_connections_per_peer else self._connections
        made = full is self._connections and len(full) < self._most
        if not made and (useless := next((one for one in full if one.phase is not Phase.ANSWER), None)):
            useless.abandon()
            self.leave(useless)
            peers = self._of_peer.setdefault(connection.peer, {})
            made = True
        self._connections[connection] = peers[connection] = None
        return made

    def leave(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        peers = self._of_peer.get(connection.peer, {})
        peers.pop(connection, None)
        if not peers:
            self._of_peer.pop(connection.peer, None)
        if self.stopping and not self._connections:
            self.loop.stop()

    def make_room(self, but: Connection) -> None:
        """Drop the body that has been arriving for longest."""
        for one in self._connections:
            if one.size and one is not but:
                one.abandon()
                return

    def work(self, connection: Connection, request: Request) -> None:
        """Have a thread answer a request, unless too many for the same URL already wait."""
        path = request.target.partition(b"?")[0]
        if self._in_flight[path] >= self.limits.max_in_flight:
            connection.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._in_flight[path] += 1
        self._under_way += 1
        self._work.put((connection, request))

    def _done(self, answered: list[Answered]) -> None:
        self._under_way -= len(answered)
        for connection, request, answer in answered:
            path = request.target.partition(b"?")[0]
            self._in_flight[path] -= 1
            if not self._in_flight[path]:
                del self._in_flight[path]
            for order in (self._connections, self._of_peer.get(connection.peer, {})):
                if connection in order:
                    del order[connection]
                    order[connection] = None
            connection.answered(answer, request)

    def _sweep(self) -> None:
        """Close connections that take too long."""
        now = self.now
        for connection in [one for one in self._connections if one.deadline <= now]:
            connection.overdue()
        self.loop.call_later(SWEEP_SECONDS, self._sweep)

    def _stop(self) -> None:
        """Accept no more, and wait until requests under way are answered or their time is up."""
        if self.stopping:
            return
        self.stopping = True
        if self._listening is None:
            return  # told before it began
        self._listening.close()
        for connection in list(self._connections):
            if connection.phase is Phase.IDLE:
                connection.abandon()
        self.loop.call_later(self.limits.drain_seconds, self.loop.stop)
        if not self._connections:
            self.loop.stop()

    # In threads of their own.

    def _answer_for_ever(self, app: WSGIApplication) -> None:
        while True:
            answered: list[Answered] = []
            later: list[tuple[Connection, Request, Later]] = []
            with self._turn:
                for connection, request in self._come():
                    answer = self._answer(app, request)
                    if isinstance(answer, bytes):
                        answered.append((connection, request, answer))
                    else:
                        later.append((connection, request, answer))
            self._say(answered)
            if later:
                later[0][2].keep([each.message for _, _, each in later])
                self._say([(line, asked, self._answered(asked, each)) for line, asked, each in later])

    def _come(self) -> list[tuple[Connection, Request]]:
        """Wait for a request; return all that have arrived by then, or by the end of the pause."""
        come = [self._work.get()]
        early = self._taken_at + PAUSE_SECONDS - time.monotonic()
        if early > 0 and self._under_way > 1:
            time.sleep(early)
        self._taken_at = time.monotonic()
        size = len(come[0][1].body)
        with contextlib.suppress(queue.Empty):
            while len(come) < MOST_TOGETHER and size < MOST_BYTES_TOGETHER:
                come.append(self._work.get_nowait())
                size += len(come[-1][1].body)
        return come

    def _answer(self, app: WSGIApplication, request: Request) -> bytes | Later:
        """Return the application's answer, or that it will follow."""
        together: list[Later] = []
        request.keep_alive = request.keep_alive and not self.stopping
        try:
            environ = environ_of(request)
            environ[TOGETHER] = together
            answer = respond(app, environ, keep_alive=request.keep_alive)
        except NotATargetError:
            metrics.REFUSED.labels("400").inc()
            request.keep_alive = False
            return plain(HTTPStatus.BAD_REQUEST, self.limits.retry_after_seconds)
        return together[0] if together else answer

    def _answered(self, request: Request, later: Later) -> bytes:
        return respond(later.then(), later.environ, keep_alive=request.keep_alive)

    def _say(self, answered: list[Answered]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
            if answered:
                self.loop.call_soon_threadsafe(self._done, answered)


def listener(limits: IngestSettings) -> socket.socket:
    """Return a listening socket, on a free port for 0; raise `StartError` when another program has it."""
    made = socket.socket(socket.AF_INET6 if ":" in limits.host else socket.AF_INET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((limits.host, limits.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise StartError(
            f"ingest can't listen on {limits.host}:{limits.port}: {error.strerror}. "
            "Stop the program that does, or choose another port (CALLWEAVE_INGEST__PORT)."
        ) from None
    return made


def open_files() -> int:
    """Raise this process's limit of open files as far as the machine allows, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 1 << 20 if hard == resource.RLIM_INFINITY else hard
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
