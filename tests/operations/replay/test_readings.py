from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operations.replay.readings import SETTINGS, Last, Means, means_of, since_last
from processors.normalize.outcome import Configured
from runtime import sources
from runtime.errors import CallweaveError
from tests.servers import new_settings

if TYPE_CHECKING:
    from pathlib import Path

SHANGHAI = {
    "account": "acme",
    "dialect": "common-api",
    "timezone": "Asia/Shanghai",
    "charset": "none",
    "country": "none",
}
BEFORE = Means("code", {"pbx": SHANGHAI, "old": SHANGHAI}, since=1_700_000_000_000_000)
LAST = "the last reading (2023-11-14 22:13:20 UTC)"


def test_what_differs_is_told_thing_by_thing() -> None:
    now = Means("other", {"pbx": SHANGHAI | {"timezone": "UTC"}, "new": SHANGHAI})
    assert since_last(BEFORE, now) == (
        f"What differs from {LAST}: the code; source new is new; source old is not configured any more; "
        "source pbx: timezone was Asia/Shanghai, is UTC."
    )
    assert now.digest != BEFORE.digest


def test_when_it_was_read_makes_no_difference() -> None:
    now = Means(BEFORE.code, BEFORE.sources, since=5)
    assert since_last(BEFORE, now) == f"Nothing differs from {LAST}: neither code nor sources."
    assert now.digest == BEFORE.digest


def test_of_no_earlier_reading_nothing_is_known() -> None:
    assert "not known here" in since_last(None, BEFORE)


def test_the_last_reading_is_kept(tmp_path: Path) -> None:
    last = Last(tmp_path)
    assert last.read() is None
    last.write_first(BEFORE)
    assert last.read() == BEFORE
    now = Means("other")
    last.write_first(now)
    assert last.read() == BEFORE
    last.write(now)
    assert last.read() == now
    (file,) = (tmp_path / "replay").iterdir()
    file.write_text('{"1": 2}')
    with pytest.raises(CallweaveError, match="delete it"):
        last.read()


def test_the_means_are_code_and_what_callbacks_are_read_by(tmp_path: Path) -> None:
    settings = new_settings("127.0.0.1:1", "127.0.0.1:1", tmp_path)
    settings.sources_file.write_text(
        '[sources.pbx]\naccount = "acme"\ndialect = "common-api"\ntimezone = "Asia/Shanghai"\n'
        "added_at = 2026-01-31T12:00:00Z\nremoved_at = 2026-01-31T13:00:00Z\nclose_after_seconds = 5\n"
    )
    means = means_of(settings, 5)
    assert means.sources == {"pbx": SHANGHAI}
    assert (len(means.code), means.since) == (16, 5)


def test_whatever_a_reader_must_know_of_a_source_is_among_the_means() -> None:
    known = {name for name, value in vars(Configured).items() if isinstance(value, property)}
    assert known - {"revision"} <= set(SETTINGS)


@pytest.mark.parametrize(("setting", "value"), [("charset", "gb18030"), ("country", "CN")])
def test_a_changed_setting_is_another_reading(tmp_path: Path, setting: sources.Setting, value: str) -> None:
    settings = new_settings("127.0.0.1:1", "127.0.0.1:1", tmp_path)
    sources.add(settings.sources_file, "pbx", "acme", "common-api", "UTC")
    before = means_of(settings, BEFORE.since)
    sources.change(settings.sources_file, "pbx", {setting: value})
    now = means_of(settings, BEFORE.since)
    assert since_last(before, now) == f"What differs from {LAST}: source pbx: {setting} was none, is {value}."
    assert now.digest != before.digest
