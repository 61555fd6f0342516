"""`make demo` as a person meets it: with a stack that runs, with ports that others have."""

from __future__ import annotations

import socket
import stat
from typing import TYPE_CHECKING

import pytest

from compose.demo.__main__ import stack
from compose.demo.answers import SQL, questions
from compose.demo_sources import ensure, required
from compose.run import locked
from runtime import sources
from runtime.errors import StartError
from runtime.settings import ClickHouseSettings, EmbeddedSettings, IngestSettings, KafkaSettings, Settings
from simulator.demo import urls_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", sources_file=tmp_path / "sources.toml")


def test_a_taken_port_is_named_before_anything_starts(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = settings.model_copy(
            update={
                "ingest": IngestSettings(port=port),
                "kafka": KafkaSettings(bootstrap_servers="127.0.0.1:1"),
                "clickhouse": ClickHouseSettings(port=1, http_port=1),
                "embedded": EmbeddedSettings(kafka_controller_port=1),
            }
        )
        with pytest.raises(StartError, match=f"another program listens on 127.0.0.1:{port}"), stack(taken):
            pass


def test_a_stack_that_runs_is_used_and_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("compose.demo.__main__.READY_SECONDS", 0.0)
    dead = settings.model_copy(update={"ingest": IngestSettings(port=1)})
    settings.data.mkdir(mode=0o755, parents=True)
    with (
        locked(settings.data),
        pytest.raises(StartError, match="the ingress of the running stack is not ready: nothing answers"),
        stack(dead),
    ):
        pass
    assert stat.S_IMODE(settings.data.stat().st_mode) == 0o700


def test_the_demo_sources_are_added_beside_others(settings: Settings) -> None:
    sources.add(settings.sources_file, "mine", "a", "common-api", "UTC")
    urls = required(settings)
    assert set(urls) == {"demo", "demo-pbx"}
    assert required(settings) == urls == ensure(settings)


def test_a_demo_source_whose_url_nobody_knows_is_said(settings: Settings) -> None:
    required(settings)
    urls_file(settings).unlink()
    with pytest.raises(StartError, match="callweave source remove demo"):
        required(settings)
    sources.remove(settings.sources_file, "demo")
    sources.remove(settings.sources_file, "demo-pbx")
    assert set(required(settings)) == {"demo", "demo-pbx"}


def test_every_statement_of_the_answers_has_its_question() -> None:
    text = SQL.read_text("utf-8")
    found = list(questions(text))
    assert len(found) == text.count(";")
    assert all("?" in question for question, _ in found)
    assert all(statement.startswith("SELECT") for _, statement in found)
