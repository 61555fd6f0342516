"""The demo sources' URLs as they are read; compose/demo writes them, and its tests read them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runtime.settings import Settings
from simulator.demo import kept_urls, urls_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


def test_where_there_is_no_file_there_are_none(settings: Settings) -> None:
    assert kept_urls(settings) == {}


def test_a_line_that_is_no_name_and_url_is_passed_over(settings: Settings) -> None:
    urls_file(settings).write_text("demo http://x/1\n\nmine\nyours http://x/2 extra\ndemo-pbx http://x/3\n")
    assert kept_urls(settings) == {"demo": "http://x/1", "demo-pbx": "http://x/3"}


def test_what_can_not_be_read_is_not_none(settings: Settings) -> None:
    urls_file(settings).mkdir()
    with pytest.raises(OSError, match="demo-urls"):
        kept_urls(settings)
