"""Run the API on a port of this machine."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from simulator.api.app import BASE, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.api.exchange import Exchange


POLL_SECONDS = 0.05
"""How often the server checks whether to stop."""


class QuietHandler(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Drop it: paths hold extensions and ids of calls."""


@contextmanager
def serving(exchange: Exchange, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve the API at this URL while the context lasts; port 0 takes a free one."""
    server = make_server(host, port, create_app(exchange), threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(
        target=server.serve_forever, args=(POLL_SECONDS,), name="simulated-api", daemon=True
    )
    thread.start()
    exchange.delivery.start()
    try:
        yield f"http://{host}:{server.server_port}{BASE}"
    finally:
        exchange.faults.released.set()
        exchange.delivery.stop()
        server.shutdown()
        thread.join()
        server.server_close()
