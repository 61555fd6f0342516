"""The stage: the pages, served by waitress, and the thread that reads the board."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

import structlog
from waitress.server import create_server

from console import sessions, viewers
from console.app import create
from console.context import Console
from console.sessions import Sessions
from runtime import clickhouse
from runtime.addresses import written
from runtime.errors import CallweaveError, StartError

if TYPE_CHECKING:
    from waitress.server import BaseWSGIServer, MultiSocketServer

    from runtime.metrics import Ready
    from runtime.settings import Settings
    from runtime.stage import StageProcess

log = structlog.get_logger(__name__)

THREADS = 16
CONNECTIONS = 1_000
LAST_SECONDS = 5
"""For requests that are being answered when it is told to stop."""


def assemble(settings: Settings) -> Console:
    """What the pages need; raises `StartError`."""
    return Console(
        settings=settings,
        sessions=Sessions(sessions.key(settings), settings.console.session_hours * 3600),
        is_open=viewers.needs_no_sign_in(settings),
    )


def run(stage: StageProcess) -> None:
    """Serve until told to stop."""
    settings = stage.settings
    here = assemble(settings)
    server = _listening(here)
    for name, work in (("http", server.run), ("board", lambda: here.board.run(stage.stopping, stage.heart))):
        threading.Thread(target=work, name=name, daemon=True).start()
    stage.started(lambda: ready(settings))
    where = settings.console
    log.info("listening", address=written(where.host, where.port), signs_in=not here.is_open)
    stage.stopping.wait()
    server.task_dispatcher.shutdown(timeout=LAST_SECONDS)


def _listening(here: Console) -> MultiSocketServer | BaseWSGIServer:
    host, port = here.settings.console.host, here.settings.console.port
    try:
        return create_server(
            create(here),
            host=host,
            port=port,
            threads=THREADS,
            connection_limit=CONNECTIONS,
            ident="callweave",
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "another program listens there: stop it, or choose another console.port"
        else:
            why = error.strerror or type(error).__name__
        raise StartError(f"The console can't listen on {written(host, port)}: {why}.") from None


def ready(settings: Settings) -> Ready:
    """Whether ClickHouse answers: without it no page has anything to show."""
    try:
        with clickhouse.connected(settings.clickhouse) as client:
            client.execute("SELECT 1")
    except CallweaveError as error:
        return False, str(error)
    return True, ""
