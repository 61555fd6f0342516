from __future__ import annotations

from zoneinfo import ZoneInfo

from console.fields import time_of

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_time_is_the_pages_unless_it_has_an_offset() -> None:
    for text in ("2026-03-01T12:00", "2026-03-01T19:00+08:00", "2026-03-01T11:00Z"):
        found = time_of("From", text, BERLIN)
        assert found is not None
        assert found.isoformat() == "2026-03-01T12:00:00+01:00"
