"""Where a callback's processor time goes in the ingress: `.venv/bin/python -m tests.bench.ingest_profile`.

The app is called in one thread of this process, with no server around it and no other thread in its way, so
that each step can be told from the next; then the same with a real broker. What the running server takes
beyond that is the server itself, and its threads waiting for each other.
"""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask import Flask

from ingest.app import create_app
from ingest.publisher import KafkaPublisher
from runtime import logs, sources, topics
from runtime.clock import SystemClock
from runtime.settings import IngestSettings, LogSettings, Settings
from runtime.sources import SourcesFile
from schemas.callbacks import Callback
from schemas.payload.decode import decode
from schemas.topics import Topic
from tests.bench.ingest import BODY
from tests.servers import eventually, kafka_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.callbacks import Headers

CALLS = 4_000
ROUNDS = 5


class Nothing:
    """A publisher that acknowledges at once."""

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        """Forget the message."""

    def answering(self) -> bool:
        """Say yes."""
        return True


def environ(token: str) -> dict[str, Any]:
    """A request as the server gives it."""
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/callbacks/{token}",
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(BODY)),
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "SCRIPT_NAME": "",
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.input": io.BytesIO(BODY),
    }


def called(app: Flask, token: str) -> Callable[[], None]:
    """One request to the app."""

    def call() -> None:
        answers: list[str] = []
        body = b"".join(app(environ(token), lambda status, _: answers.append(status)))  # type: ignore[arg-type]
        assert answers[0].startswith("200"), body

    return call


def microseconds(work: Callable[[], object]) -> float:
    """Processor time of this process for one call: the least of some rounds."""
    found = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        for _ in range(CALLS):
            work()
        found.append((time.process_time() - begin) / CALLS * 1e6)
    return min(found)


def noop() -> Flask:
    """A route that does nothing."""
    app = Flask(__name__)

    @app.post("/callbacks/<token>")
    def nothing(token: str) -> dict[str, str]:
        return {"status": "accepted", "id": token}

    return app


def main() -> None:
    """Print a line a step."""
    logs.configure(LogSettings(level="error"), "bench")
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as made:
        folder = Path(made)
        settings = Settings(ingest=IngestSettings(port=0), sources_file=folder / "sources.toml")
        token = sources.add(settings.sources_file, "bench", "bench", "common-api", "UTC")
        file = SourcesFile(settings.sources_file)
        clock = SystemClock()
        callback = Callback("i", "s", "a", 1, "POST", "application/json", "p", BODY)
        say("Flask route that does nothing", microseconds(called(noop(), token)))
        say(
            "our route, acknowledged by nobody",
            microseconds(called(create_app(settings, file, Nothing(), clock), token)),
        )
        say("  of it: decoding", microseconds(lambda: decode("POST", "application/json", BODY, b"")))
        say("  of it: finding the source", microseconds(lambda: file.current().by_token(token)))
        say("  of it: headers", microseconds(callback.headers))
        with kafka_node(folder / "kafka") as node:
            kafka = settings.kafka.model_copy(update={"bootstrap_servers": node.bootstrap})
            settings = settings.model_copy(update={"kafka": kafka})
            topics.ensure(settings)
            publisher = KafkaPublisher(kafka, [Topic.RAW, Topic.REJECTED], 2.0)
            publisher.start()
            eventually(publisher.answering, "the broker answers")
            say(
                "our route, acknowledged one by one",
                microseconds(called(create_app(settings, file, publisher, clock), token)),
            )
            publisher.close()


def say(step: str, cost: float) -> None:
    """Print a line."""
    click.echo(f"{step:<40} {cost:6.1f} µs")


if __name__ == "__main__":
    main()
