from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from operations.audit.kept import kept
from runtime.settings import RetentionSettings
from schemas.times import microseconds
from sinks.span import Span

NOW = microseconds(datetime(2026, 3, 31, 12, tzinfo=UTC))
CUT = microseconds(datetime(2026, 3, 2, tzinfo=UTC))


def test_without_a_retention_all_is_looked_at() -> None:
    assert kept(Span(), RetentionSettings(), NOW) == (Span(), date(1970, 1, 1), "")


@pytest.mark.parametrize(
    ("retention", "calls_since"),
    [
        (RetentionSettings(callbacks_days=30), date(1970, 1, 1)),
        (RetentionSettings(events_days=30, callbacks_days=90), date(1970, 1, 1)),
        (RetentionSettings(calls_days=30, events_days=31), date(2026, 3, 1)),
    ],
)
def test_the_shortest_retention_and_a_day_to_spare_decide(
    retention: RetentionSettings, calls_since: date
) -> None:
    span, since, note = kept(Span(source="pbx"), retention, NOW)
    assert (span, since) == (Span(since=CUT, source="pbx"), calls_since)
    assert note.startswith("callbacks received before 2026-03-02 are not looked at")


def test_what_is_asked_of_days_that_are_kept_is_looked_at() -> None:
    span = Span(since=CUT)
    assert kept(span, RetentionSettings(callbacks_days=30), NOW) == (span, date(1970, 1, 1), "")
