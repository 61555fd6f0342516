from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operations.replay.readings import SETTINGS, Last, Means, begun, ended, means_of, since_last
from processors.normalize.outcome import Configured
from runtime import sources
from runtime.errors import CallweaveError
from tests.servers import new_settings

if TYPE_CHECKING:
    from pathlib import Path

SHANGHAI = {
    "dialect": "common-api",
    "timezone": "Asia/Shanghai",
    "charset": "none",
    "country": "none",
}
BEFORE = Means("code", {"pbx": SHANGHAI, "old": SHANGHAI}, since=1_700_000_000_000_000)
LAST = "the last reading (2023-11-14 22:13:20 UTC)"


def test_what_differs_is_told_thing_by_thing() -> None:
    now = Means("other", {"pbx": SHANGHAI | {"timezone": "UTC"}, "new": SHANGHAI})
    assert since_last([BEFORE], now) == (
        f"What differs from {LAST}: the code; source old is not configured any more; "
        "source pbx: timezone was Asia/Shanghai, is UTC; source new is new."
    )
    assert now.digest != BEFORE.digest


def test_when_it_was_read_makes_no_difference() -> None:
    now = Means(BEFORE.code, BEFORE.sources, since=5)
    assert since_last([BEFORE], now) == f"Nothing differs from {LAST}: neither code nor sources."
    assert now.digest == BEFORE.digest


def test_of_no_earlier_reading_nothing_is_known() -> None:
    assert "not known here" in since_last([], BEFORE)


def test_parts_that_were_read_since_are_compared_on_their_own() -> None:
    part = Means("code", {"pbx": SHANGHAI | {"timezone": "UTC"}}, since=1_700_000_060_000_000)
    known = begun([BEFORE], part)
    assert since_last(known, BEFORE) == (
        "What differs from a later reading of a part (2023-11-14 22:14:20 UTC): "
        "source pbx: timezone was UTC, is Asia/Shanghai."
    )
    now = Means("code", {"pbx": SHANGHAI | {"timezone": "UTC"}, "old": SHANGHAI})
    assert "source pbx: timezone was Asia/Shanghai, is UTC." in since_last(known, now)
    assert since_last(ended(known, now, "pbx"), now).startswith("Nothing differs")
    assert "a later reading" in since_last(ended(known, now, "pbx"), BEFORE)
    assert ended(known, BEFORE, None) == [BEFORE]


def test_the_same_part_read_again_is_one_reading() -> None:
    part = Means("other", {"pbx": SHANGHAI}, since=1)
    again = Means("other", {"pbx": SHANGHAI}, since=2)
    assert begun(begun([BEFORE], part), again) == [BEFORE, again]
    assert ended([BEFORE, part], part, "pbx") == [Means("code", {"old": SHANGHAI}, BEFORE.since), part]


def test_the_readings_are_kept(tmp_path: Path) -> None:
    last = Last(tmp_path)
    last.begin(BEFORE.of("pbx"))
    last.end(BEFORE, "pbx")
    assert last.read() == []  # how the rest was read is not known
    last.write_first(BEFORE)
    assert last.read() == [BEFORE]
    now = Means("other", {"pbx": SHANGHAI})
    last.write_first(now)
    assert last.read() == [BEFORE]
    last.begin(now)
    assert last.read() == [BEFORE, now]
    last.end(now, None)
    assert last.read() == [now]
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


def test_another_account_is_no_other_reading(tmp_path: Path) -> None:
    """A callback keeps the account of its receipt."""
    settings = new_settings("127.0.0.1:1", "127.0.0.1:1", tmp_path)
    sources.add(settings.sources_file, "pbx", "acme", "common-api", "UTC")
    before = means_of(settings, 1)
    settings.sources_file.write_text(settings.sources_file.read_text().replace('"acme"', '"zebra"'))
    assert means_of(settings, 1) == before


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
    assert (
        since_last([before], now) == f"What differs from {LAST}: source pbx: {setting} was none, is {value}."
    )
    assert now.digest != before.digest
