"""What no broker is needed for: probes, metrics, and defects of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.app import create_app
from ingest.groups import UnacknowledgedError
from ingest.server import readiness
from runtime.metrics import render
from runtime.settings import IngestSettings, Settings
from runtime.sources import SourcesFile
from schemas.callbacks import Callback
from tests.ingest.conftest import new_token
from tests.kit.clock import ManualClock
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from schemas.callbacks import Headers

SECRET = "87847569524"


class Memory:
    """Keeps what is published, or fails as it is told."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, Headers]] = []
        self.error: Exception | None = None

    def publish(self, topic: str, value: bytes, headers: Headers) -> None:
        if self.error is not None:
            raise self.error
        self.kept.append((topic, value, headers))

    def answering(self) -> bool:
        return self.error is None


class App:
    """An app, and all that it stands on."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            sources_file=folder / "sources.toml",
            ingest=IngestSettings(retry_after_seconds=7, max_body_bytes=1024, max_query_bytes=256),
        )
        self.token = new_token(self.settings)
        self.memory = Memory()
        self.sources = SourcesFile(self.settings.sources_file)
        app = create_app(
            self.settings,
            self.sources,
            self.memory,
            ManualClock(1_600_000_000_000_000),
        )
        self.client: FlaskClient = app.test_client()
        self.path = f"/callbacks/{self.token}"


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


def test_a_callback_is_wrapped_with_all_that_is_known_of_it(app: App) -> None:
    answer = app.client.post(
        f"{app.path}?a=1", data=b'{"b":2}', content_type="application/json; charset=utf-8"
    )
    assert answer.status_code == 200
    ((topic, value, headers),) = app.memory.kept
    assert topic == "callbacks.raw"
    assert answer.json is not None
    assert Callback.from_message(value, headers) == Callback(
        id=answer.json["id"],
        source="shanghai",
        account="104026",
        received_at=1_600_000_000_000_000,
        method="POST",
        content_type="application/json; charset=utf-8",
        peer="127.0.0.1",
        payload=b'{"b":2}',
        query=b"a=1",
    )


@pytest.mark.parametrize("body", [b"{}", b"{"])
def test_no_acknowledgement_no_claim(app: App, body: bytes) -> None:
    app.memory.error = UnacknowledgedError("the broker is away")
    answer = app.client.post(app.path, data=body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    assert answer.json == {"status": "unavailable", "message": "not acknowledged; please send it again"}


def test_a_defect_of_ours_is_a_503_and_its_message_is_not_logged(
    app: App, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    app.memory.error = RuntimeError(f"could not call {SECRET}")
    answer = app.client.post(app.path, data=b"{}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "7"
    said = capsys.readouterr()
    logged = said.out + said.err + caplog.text
    assert "request failed" in logged
    assert "RuntimeError" in logged
    assert SECRET not in logged
    assert app.token not in logged


def test_limits_are_settings(app: App) -> None:
    assert app.client.post(app.path, data=b"x" * 1025).status_code == 413
    assert app.client.get(f"{app.path}?{'x' * 257}").status_code == 414
    assert app.memory.kept == []


def test_readiness(app: App) -> None:
    assert readiness(app.memory, app.sources) == (True, "")
    app.settings.sources_file.write_text("[")
    eventually(lambda: "broken" in readiness(app.memory, app.sources)[1], "the broken file is noticed")
    assert readiness(app.memory, app.sources)[0]
    app.memory.error = UnacknowledgedError("away")
    assert readiness(app.memory, app.sources) == (False, "the broker does not answer")


def test_the_port_of_providers_has_no_probes(app: App) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert app.client.get(path).status_code == 404


def sample(name: str) -> float:
    lines = render()[0].decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name), 0.0)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ('callweave_ingest_callbacks_total{answer="accepted",source="shanghai"}', b"{}"),
        ('callweave_ingest_callbacks_total{answer="rejected",source="shanghai"}', b"{"),
        ('callweave_ingest_rejected_reasons_total{code="malformed-json"}', b"{"),
        ("callweave_ingest_publish_seconds_count", b"{}"),
        ('callweave_ingest_refused_total{status="413"}', b"x" * 2000),
    ],
)
def test_everything_is_counted(app: App, name: str, body: bytes) -> None:
    before = sample(name)
    app.client.post(app.path, data=body)
    assert sample(name) == before + 1
    assert sample("callweave_ingest_in_flight") == 0
    assert app.token not in render()[0].decode()
