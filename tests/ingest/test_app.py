"""What no broker is needed for: probes, metrics, and defects of our own."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import orjson
import pytest

from ingest.app import create_app
from ingest.groups import UnacknowledgedError
from ingest.server import readiness
from runtime import sources
from runtime.metrics import render
from runtime.settings import IngestSettings, Settings
from runtime.sources import SourcesFile
from schemas.callbacks import Callback, Rejection
from tests.ingest.conftest import new_token
from tests.kit.clock import ManualClock
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

    from ingest.groups import Message
    from schemas.callbacks import Headers

SECRET = "87847569524"


class Memory:
    """Keeps what is published, or fails as it is told."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, Headers]] = []
        self.error: Exception | None = None

    def publish(self, messages: list[Message]) -> None:
        for message in messages:
            if isinstance(self.error, UnacknowledgedError):
                message.error = str(self.error)
            elif self.error is not None:
                raise self.error
            else:
                self.kept.append((message.topic, message.value, message.headers))

    def answering(self) -> bool:
        return self.error is None


class App:
    """An app, and all that it stands on."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            sources_file=folder / "sources.toml",
            ingest=IngestSettings(
                retry_after_seconds=7,
                max_query_bytes=256,
                trusted_proxies=1,
                keep_headers="X-Request-Id,X-None",
            ),
        )
        self.token = new_token(self.settings)
        self.memory = Memory()
        self.sources_file = SourcesFile(self.settings.sources_file)
        app = create_app(
            self.settings,
            self.sources_file,
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
        revision=1,
    )


def test_a_slash_at_the_end_of_the_url_changes_nothing(app: App) -> None:
    assert app.client.post(f"{app.path}/", data=b"{}").status_code == 200
    assert app.client.get(f"{app.path}/?status=ring").status_code == 200
    assert [value for _, value, _ in app.memory.kept] == [b"{}", b"status=ring"]


def test_the_revision_of_the_settings_travels_with_the_callback(app: App) -> None:
    sources.change(app.settings.sources_file, "shanghai", {"timezone": "UTC"})
    app.sources_file.newest()
    app.client.post(app.path, data=b"{}")
    ((_, value, headers),) = app.memory.kept
    assert Callback.from_message(value, headers).revision == 2


def test_while_the_sources_can_not_be_read_no_token_is_wrong(app: App) -> None:
    good = app.settings.sources_file.read_bytes()
    assert app.client.post(f"{app.path}x").status_code == 404
    app.settings.sources_file.write_bytes(b"")
    answer = app.client.post(f"{app.path}x")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
    assert app.client.post(app.path, data=b"{}").status_code == 200
    app.settings.sources_file.write_bytes(good + b"\n")
    assert app.client.post(f"{app.path}x").status_code == 404


def test_a_paused_source_is_asked_to_come_again(app: App) -> None:
    sources.pause(app.settings.sources_file, "shanghai")
    app.sources_file.newest()
    assert app.client.post(app.path, data=b"{}").status_code == 503
    sources.resume(app.settings.sources_file, "shanghai")
    app.sources_file.newest()
    assert app.client.post(app.path, data=b"{}").status_code == 200


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
    assert "a defect" in logged
    assert "RuntimeError" in logged
    assert SECRET not in logged
    assert app.token not in logged


def test_limits_are_settings(app: App) -> None:
    assert app.client.get(f"{app.path}?{'x' * 257}").status_code == 414
    assert app.memory.kept == []


def entry(app: App, **tables: object) -> None:
    """Put more into the source's entry, as people do with an editor."""
    with sources.edited(app.settings.sources_file) as found:
        found["shanghai"] |= tables
    app.sources_file.newest()


def test_a_source_may_send_so_much(app: App) -> None:
    entry(app, requests_per_second=0.5, burst=2)
    answered = [app.client.post(app.path, data=b"{}") for _ in range(3)]
    assert [answer.status_code for answer in answered] == [200, 200, 429]
    assert answered[-1].headers["Retry-After"] in {"1", "2"}
    assert sample('callweave_ingest_limited_total{source="shanghai"}') >= 1


def test_who_sends_is_checked(app: App) -> None:
    entry(app, sender={"networks": ["203.0.113.0/24"], "archive_refused": True})
    answer = app.client.post(app.path, data=b"{}")
    assert answer.status_code == 401
    ((topic, value, headers),) = app.memory.kept
    assert (topic, value) == ("callbacks.rejected", b"{}")
    rejection = Rejection.from_headers(headers)
    assert rejection is not None
    assert [reason.code for reason in rejection.reasons] == ["sender-network"]
    assert app.client.head(app.path).status_code == 200, "who tries the URL is told that it is right"
    entry(app, sender={"networks": ["203.0.113.0/24"]})
    assert app.client.post(app.path, data=b"{}").status_code == 401
    assert len(app.memory.kept) == 1
    right = app.client.post(app.path, data=b"{}", environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert right.status_code == 200


def test_headers_are_kept_to_verify_a_signature_later(app: App, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    entry(app, sender={"signature": {"header": "X-Sign", "secret_files": [str(secret)]}})
    signed = hmac.new(b"s", b"{}", "sha256").hexdigest()
    headers = {"X-Sign": signed, "X-Request-Id": "7", "X-Other": "no", "Content-Encoding": "identity"}
    assert app.client.post(app.path, data=b"{}", headers=headers).status_code == 200
    assert app.client.post(app.path, data=b"{}", headers=headers | {"X-Sign": "0"}).status_code == 401
    secret.unlink()
    assert app.client.post(app.path, data=b"{}", headers=headers).status_code == 200, "it is known by now"
    ((_, value, kept), _) = app.memory.kept
    assert orjson.loads(Callback.from_message(value, kept).kept_headers) == {
        "x-sign": signed,
        "x-request-id": "7",
        "content-encoding": "identity",
    }


def test_signatures_are_kept_before_anybody_asks_for_them(app: App) -> None:
    signed = {"Webhook-Id": "m1", "Webhook-Timestamp": "1", "Webhook-Signature": "v1,x", "Authorization": "a"}
    assert app.client.post(app.path, data=b"{}", headers=signed).status_code == 200
    ((_, value, kept),) = app.memory.kept
    assert orjson.loads(Callback.from_message(value, kept).kept_headers) == {
        "webhook-id": "m1",
        "webhook-timestamp": "1",
        "webhook-signature": "v1,x",
    }


def test_a_secret_that_is_away_is_our_trouble(app: App, tmp_path: Path) -> None:
    entry(app, sender={"signature": {"secret_files": [str(tmp_path / "none")]}})
    answer = app.client.post(app.path, data=b"{}", headers={"X-Signature": "00"})
    assert answer.status_code == 503


def test_the_peer_is_who_called_our_proxy(app: App) -> None:
    app.client.post(app.path, data=b"{}", headers={"X-Forwarded-For": "6.6.6.6, 1.1.1.1"})
    ((_, value, headers),) = app.memory.kept
    assert Callback.from_message(value, headers).peer == "1.1.1.1"


def test_readiness(app: App) -> None:
    assert readiness(app.memory, app.sources_file) == (True, "")
    app.settings.sources_file.write_text("[")
    eventually(lambda: "trouble" in readiness(app.memory, app.sources_file)[1], "the broken file is noticed")
    assert readiness(app.memory, app.sources_file)[0]
    app.memory.error = UnacknowledgedError("away")
    assert not readiness(app.memory, app.sources_file)[0]


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
    ],
)
def test_everything_is_counted(app: App, name: str, body: bytes) -> None:
    before = sample(name)
    app.client.post(app.path, data=body)
    assert sample(name) == before + 1
    refused = sample('callweave_ingest_refused_total{status="404"}')
    app.client.post(f"{app.path}x", data=body)
    assert sample('callweave_ingest_refused_total{status="404"}') == refused + 1
    assert sample("callweave_ingest_in_flight") == 0
    assert app.token not in render()[0].decode()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "POST"])
def test_who_tries_a_url_is_told_that_it_is_right(app: App, method: str) -> None:
    answer = app.client.open(app.path, method=method)
    assert answer.status_code == 200
    assert app.client.open(f"{app.path}x", method=method).status_code == 404
    assert app.memory.kept == []


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("myid=175", False),
        ("myid=a%20b%26c", False),
        ("myid=175&CallID=a", True),
        ("myid=175%3FEventType%3Dhangup%26CallID%3Da", True),
        ("myid=175%3fEventType%3dhangup", True),
        ("other=175", True),
    ],
)
def test_a_parameter_of_the_url_itself_is_no_callback_and_any_other_is(
    app: App, query: str, *, kept: bool
) -> None:
    answer = app.client.get(f"{app.path}?{query}")
    assert (answer.status_code, len(app.memory.kept)) == (200, kept)
