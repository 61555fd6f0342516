"""The callback URL that `callweave subscribe` reads from standard input."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from callweave.commands.subscribe import STANDARD_INPUT, callback_url
from runtime import sources
from runtime.errors import CallweaveError
from runtime.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("given", [None, b"", b"\xff\xfe\n", b"https://calls.example.com/callbacks/other\n"])
def test_what_is_no_url_of_the_source_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bytes | None
) -> None:
    settings = Settings(data=tmp_path, sources_file=tmp_path / "sources.toml")
    sources.add(settings.sources_file, "pbx", "acme", "extension-events", "UTC")
    monkeypatch.setattr(sys, "stdin", None if given is None else io.TextIOWrapper(io.BytesIO(given)))
    with pytest.raises(CallweaveError, match="callback URL of pbx"):
        callback_url(settings, "pbx", STANDARD_INPUT)


def test_the_first_line_is_the_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path, sources_file=tmp_path / "sources.toml")
    token = sources.add(settings.sources_file, "pbx", "acme", "extension-events", "UTC")
    url = settings.ingest.callback_url(token)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f" {url}\nmore".encode())))
    assert callback_url(settings, "pbx", STANDARD_INPUT) == url
