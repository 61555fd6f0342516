from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from operations.accounts.clocks import FIRST, pieces

UNTIL = datetime(2040, 1, 1, tzinfo=UTC)
ZONES = (
    "UTC",
    "Europe/Paris",
    "Asia/Shanghai",
    "Asia/Kathmandu",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
)
PIECES = {zone: pieces(ZoneInfo(zone), UNTIL) for zone in ZONES}


@given(
    st.sampled_from(ZONES),
    st.datetimes(FIRST.replace(tzinfo=None), UNTIL.replace(tzinfo=None), timezones=st.just(UTC)),
)
def test_at_any_time_clocks_are_as_far_from_utc_as_the_zone_says(zone: str, at: datetime) -> None:
    found = PIECES[zone]
    _, ahead = found[bisect_right([since for since, _ in found], at.timestamp()) - 1]
    offset = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert ahead == offset.total_seconds()


def test_a_change_is_known_to_the_second() -> None:
    # at one in the morning UTC on the last Sundays of March and October
    since = int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp())
    until = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp())
    assert {(since, 7200), (until, 3600)} <= {*PIECES["Europe/Paris"]}


def test_a_zone_without_changes_is_one_piece() -> None:
    assert PIECES["Asia/Shanghai"] == [(0, 8 * 3600)]
