"""Run the server in the foreground: `python -m compose.embedded.clickhouse --data DIR`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from pathlib import Path
from time import monotonic

from compose.embedded.clickhouse.access import Access
from compose.embedded.clickhouse.engine import Engine
from compose.embedded.clickhouse.errors import ServerError
from compose.embedded.clickhouse.people import read_people, read_roles
from compose.embedded.clickhouse.server import ClickHouseServer, listen
from compose.embedded.node import NodeError

_STOP = {signal.SIGTERM, signal.SIGINT}
log = logging.getLogger("compose.embedded.clickhouse")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m compose.embedded.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that keeps everything")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000, help="of the native protocol")
    parser.add_argument("--http-port", type=int, default=8123)
    parser.add_argument(
        "--database", default="callweave", help="made if missing; the default of every client"
    )
    parser.add_argument("--user", default="default")
    parser.add_argument(
        "--password-file", type=Path, help="its first line is the user's password; none without it"
    )
    parser.add_argument(
        "--people",
        type=Path,
        help="TOML: a table for each other user, with password and roles; to try roles, and no protection "
        "against somebody who looks for a way around them: for that, use a ClickHouse of its own",
    )
    parser.add_argument("--roles", type=Path, help="SQL that makes these roles, as compose/access.sql")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return parser.parse_args()


def main() -> int:
    """Run until SIGTERM or SIGINT; return 0 after an orderly end, 1 if the server can't run."""
    options = arguments()
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    # Blocked in all threads, the engine's too, and awaited below: a handler would run in the main thread,
    # which does not wake up when the system delivers the signal to another thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    begun = monotonic()
    try:
        password = ""
        if options.password_file is not None:
            password = options.password_file.read_text().split("\n")[0]
        native = listen(options.host, options.port)
        http = listen(options.host, options.http_port)
        people = read_people(options.people) if options.people else {}
        roles = read_roles(options.roles) if options.roles else {}
        engine = Engine(options.data, options.database, roles)
    except (NodeError, ServerError, OSError, RuntimeError) as error:
        log.error("%s", error)
        return 1
    server = ClickHouseServer(engine, Access(options.user, password, people), native, http)
    server.start()
    log.info(
        "ClickHouse %s listens on %s:%d (native) and %d (http), data in %s, after %.1f s",
        *(engine.version, options.host, options.port, options.http_port, options.data, monotonic() - begun),
    )
    signal.sigwait(_STOP)
    log.info("stopping")
    server.stop()
    log.info("stopped")
    return 0


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # the engine is closed: nothing needs to wait for its own threads
