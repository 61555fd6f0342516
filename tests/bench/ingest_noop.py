"""The measure for the ingress: a Flask route that does nothing, on the same server with the same settings."""

from __future__ import annotations

import signal
import sys

from flask import Flask

from ingest.server import Server
from runtime.settings import IngestSettings
from runtime.stage import leave


def main(port: int, threads: int) -> None:
    """Serve until SIGTERM."""
    app = Flask(__name__)

    @app.post("/callbacks/<token>")
    def noop(token: str) -> dict[str, str]:
        return {"status": "accepted", "id": token}

    server = Server(IngestSettings(port=port, threads=threads))
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    server.serve(app)
    leave(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
