from __future__ import annotations

import json
import shlex
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from compose.demo_sources import CDR, curl, ensure, panel
from runtime import sources
from runtime.settings import IngestSettings, Settings
from simulator.demo import kept_urls, urls_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", sources_file=tmp_path / "etc" / "sources.toml")


def test_the_first_run_adds_both_sources_and_later_ones_show_the_same_urls(settings: Settings) -> None:
    urls = ensure(settings)
    assert list(urls) == ["demo", "demo-pbx"]
    assert kept_urls(settings) == urls
    known = sources.load(settings.sources_file)
    for name, url in urls.items():
        base, _, token = url.rpartition("/")
        source = known.by_token(token)
        assert base == "http://127.0.0.1:8080/callbacks"
        assert source is not None
        assert source.name == name
    assert ensure(settings) == urls
    moved = settings.model_copy(update={"ingest": IngestSettings(port=8081)})
    assert ensure(moved) == {name: url.replace(":8080", ":8081") for name, url in urls.items()}


def test_the_kept_urls_are_readable_by_us_alone(settings: Settings) -> None:
    path = urls_file(settings)
    path.parent.mkdir()
    path.write_text("")
    path.chmod(0o644)
    ensure(settings)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_there_is_a_source_already_none_is_added(settings: Settings) -> None:
    sources.add(settings.sources_file, "mine", "a", "common-api", "UTC")
    assert ensure(settings) == {}
    assert [source.name for source in sources.load(settings.sources_file)] == ["mine"]
    text = "\n".join(panel(settings, {}, settings.data))
    assert "Sources: mine." in text
    assert "source rotate" in text


def test_a_url_whose_token_was_voided_is_shown_no_more(settings: Settings) -> None:
    urls = ensure(settings)
    sources.rotate(settings.sources_file, "demo", timedelta(0))
    assert ensure(settings) == {"demo-pbx": urls["demo-pbx"]}


def test_the_curl_lines_are_whole_commands(settings: Settings) -> None:
    urls = ensure(settings)
    command = shlex.split(curl("demo", urls["demo"]))
    assert json.loads(command[-1]) == CDR
    assert urls["demo"] in command
    text = "\n".join(panel(settings, urls, settings.data / "log"))
    for name, url in urls.items():
        assert curl(name, url) in text
