from __future__ import annotations

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.fields import Fields
from processors.normalize.local_time import Clues, read_time
from schemas.uuids import created_at
from tests.samples.calls import EPOCH, utc
from tests.scale import examples

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    ZoneInfo(name) for name in ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")
]
MICROSECOND = timedelta(microseconds=1)


def us(text: str) -> int:
    return (utc(text) - EPOCH) // MICROSECOND


def whole_seconds(instant: int) -> int:
    return instant - instant % 1_000_000


def read(
    text: str,
    zone: ZoneInfo,
    *,
    after: int | None = None,
    lasted: int | None = None,
    uuid: str | None = None,
) -> int | None:
    fields = Fields({"t": text})
    instant = read_time(fields, "t", zone, Clues(after, lasted, uuid))
    assert not fields.doubts
    return instant


def uuid_of(instant: int) -> str:
    """A version-1 UUID made at this time (µs)."""
    ticks = instant * 10 + 0x01B21DD213814000
    return str(
        UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 & 0xFFF | 0x1000, 0x85, 0x10, 1))
    )


@pytest.mark.parametrize(
    ("uuid", "made"),
    [
        ("526d637c-e8fe-11ea-a849-cf6e45e88543", "2020-08-28 07:15:59.045926"),
        ("863ff91e-6a7a-11eb-acf1-5107cdf1d50a", "2021-02-09 02:00:03.580648"),
    ],
)
def test_the_documents_uuids_tell_their_time(uuid: str, made: str) -> None:
    instant = created_at(uuid)
    assert instant is not None
    assert abs(instant - us(made)) < 1_000_000
    assert instant == (UUID(uuid).time - 0x01B21DD213814000) // 10


@pytest.mark.parametrize("uuid", ["", "c1", "6ba7b810-9dad-41d1-80b4-00c04fd430c8", "526d637c" * 4])
def test_other_ids_tell_none(uuid: str) -> None:
    assert created_at(uuid) is None


@examples(200, 20_000)
@given(
    instant=st.integers(us("2000-01-02"), us("2099-12-30")).map(whole_seconds),
    zone=st.sampled_from(ZONES),
)
def test_every_instant_is_found_again(instant: int, zone: ZoneInfo) -> None:
    text = f"{(EPOCH + instant * MICROSECOND).astimezone(zone):%Y-%m-%d %H:%M:%S}"
    assert read(text, zone, uuid=uuid_of(instant)) == instant
    assert read(text, zone, after=instant) == instant


def test_where_clocks_go_back_the_first_is_meant() -> None:
    assert read("2021-10-31 02:30:00", BERLIN) == us("2021-10-31 00:30:00")


def test_but_for_what_the_uuid_says() -> None:
    second = us("2021-10-31 01:30:00")
    assert read("2021-10-31 02:30:00", BERLIN, uuid=uuid_of(second)) == second


def test_and_no_call_is_answered_before_it_began() -> None:
    started_at = us("2021-10-31 00:50:40")
    assert read("2021-10-31 02:50:40", BERLIN, after=started_at) == started_at
    assert read("2021-10-31 02:51:00", BERLIN, after=started_at) == us("2021-10-31 00:51:00")
    assert read("2021-10-31 02:10:00", BERLIN, after=started_at) == us("2021-10-31 01:10:00")


def test_but_for_a_moment_by_which_clocks_may_disagree() -> None:
    started_at = us("2021-10-31 00:50:40") + 530_000
    assert read("2021-10-31 02:50:40", BERLIN, after=started_at) == us("2021-10-31 00:50:40")
    assert read("2021-10-31 02:50:37", BERLIN, after=started_at) == us("2021-10-31 01:50:37")


def test_how_long_it_lasted_tells_which_is_meant() -> None:
    answered_at, text = us("2021-10-31 00:10:00"), "2021-10-31 02:30:00"
    early, late = us("2021-10-31 00:30:00"), us("2021-10-31 01:30:00")
    for seconds, instant in ((1200, early), (4800, late), (4750, late), (9, early), (1_200_000, early)):
        assert read(text, BERLIN, after=answered_at, lasted=seconds * 1_000_000) == instant


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0",
            "0000-00-00 00:00:00",
            "  ",
            "null",
            "N/A",
            "0000-00-00T00:00:00Z",
            "00:00:00",
            "0.0",
            "-62135596800",
        ),
        *(
            "1970-01-01 08:00:00",
            "1970-01-01T00:00:00Z",
            "1969-12-31 19:00:00",
            "0001-01-01 00:00:00",
            "28800",
        ),
        *(
            "1899-12-30 00:00:00",
            "1900-01-01",
            "1601-01-01 00:00:00",
            "9999-12-31 23:59:59",
            "1970/1/1 8:00:00",
        ),
    ],
)
def test_never(text: str) -> None:
    assert read(text, BERLIN) is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1760607073", 1_760_607_073_000_000),
        ("1760607073000", 1_760_607_073_000_000),
        ("1760607073000000", 1_760_607_073_000_000),
        ("1760607073.25", 1_760_607_073_250_000),
        ("1.760607073e9", 1_760_607_073_000_000),
        ("2025-10-16 11:31:13.53", 1_760_607_073_530_000),
        ("2025-10-16T17:31:13+08:00", 1_760_607_073_000_000),
        ("2025-10-16T17:31:13 08:00", 1_760_607_073_000_000),
        ("2025-10-16T09:31:13Z", 1_760_607_073_000_000),
        ("2025-10-16 09:31:13 UTC", 1_760_607_073_000_000),
        ("20251016T093113Z", 1_760_607_073_000_000),
        ("2025-10-16T11:31:13", 1_760_607_073_000_000),
        ("2025/10/16 11:31:13", 1_760_607_073_000_000),
        ("2025-10-16T17:31:13,5+0800[Asia/Shanghai]", 1_760_607_073_500_000),
    ],
)
def test_times_in_their_spellings(text: str, instant: int) -> None:
    assert read(text, BERLIN) == instant


@pytest.mark.parametrize(
    "text", ["soon", "2025-10-16", "20251016173113", "1e99", "2025-13-01 00:00:00", "٢٠٢١"]
)
def test_times_in_doubt(text: str) -> None:
    fields = Fields({"t": text})
    assert read_time(fields, "t", BERLIN) is None
    assert len(fields.doubts) == 1
