"""Shares, backlogs and alerts: what decides."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.audit.examine import Report
from operations.audit.identity import Counts, Verdict
from operations.audit.offsets import Lag
from operations.watch.alerts import Alert, Finding, Key, Kind, changes
from operations.watch.checks import Arrived, missing
from operations.watch.growth import LEAST, Backlog, Sample
from operations.watch.shares import Share, is_unusual
from runtime.sources import Sources


@pytest.mark.parametrize(
    ("now", "before", "unusual"),
    [
        (Share(30, 100), Share(10, 10_000), True),
        (Share(30, 100), Share(3_000, 10_000), False),
        (Share(4, 4), Share(0, 10_000), False),
        (Share(5, 5), Share(0, 10_000), True),
        (Share(5, 1_000), Share(5, 10_000), False),
        (Share(0, 0), Share(0, 0), False),
        (Share(6, 200), Share(0, 0), False),
        (Share(50, 60), Share(0, 0), True),
    ],
)
def test_what_is_unusual(now: Share, before: Share, *, unusual: bool) -> None:
    assert is_unusual(now, before) is unusual


@pytest.mark.parametrize(
    "report",
    [
        Report(lags=[Lag("normalize", "callbacks.raw", 0, 100, 500)]),
        Report(doubts=["the topic was created anew"]),
    ],
)
def test_one_lost_callback_accuses_no_source_whose_callbacks_are_under_way(report: Report) -> None:
    report.counts = {"lost": Counts(archived=10, missing=1), "under way": Counts(archived=500)}
    assert report.verdict() is Verdict.HOLE
    (found,) = missing(report, Sources({}))
    assert (found.key, found.value) == (Key(Kind.AUDIT, "lost"), 1)
    report.lags, report.doubts = [], []
    assert [each.value for each in missing(report, Sources({}))] == [11, 500]


def test_chance_alone_alarms_hardly_ever() -> None:
    """A thousand hours of a source with two rejections in a hundred."""
    chance = random.Random(5)
    hours = [Share(sum(chance.random() < 0.02 for _ in range(400)), 400) for _ in range(1_000)]
    assert not any(is_unusual(hour, Share(1_600, 80_000)) for hour in hours)


@given(bad=st.integers(0, 10_000), more=st.integers(0, 10_000), was=st.integers(0, 1_000))
def test_more_bad_ones_are_no_less_unusual(bad: int, more: int, was: int) -> None:
    before = Share(was, 10_000)
    if is_unusual(Share(bad, 20_000), before):
        assert is_unusual(Share(bad + more, 20_000), before)
        assert is_unusual(Share(bad, 20_000), before, told=True)


def _backlog(*messages: int, every: float = 10.0) -> Backlog:
    backlog = Backlog()
    for place, count in enumerate(messages):
        backlog.add(Sample(place * every, count))
    return backlog


def test_a_backlog_that_grows() -> None:
    assert _backlog(*range(0, 31_000, 1_000)).grows()
    assert not _backlog(*range(31_000, 0, -1_000)).grows()
    assert not _backlog(*[5_000, 0] * 15).grows(), "bursts come and go"
    assert not _backlog(*[9_000] * 31).grows(), "what stays is worked off as fast as it comes"
    assert not _backlog(*range(0, 5_000, 1_000)).grows(), "too short a time to tell"
    assert not _backlog(*range(0, LEAST, 10)).grows(), "a few seconds' worth"


def test_a_backlog_is_told_of_until_it_is_worked_off() -> None:
    assert _backlog(*[9_000] * 31).grows(told=True)
    assert not _backlog(9_000, LEAST).grows(told=True)


KEYS = st.builds(Key, st.sampled_from(Kind), st.sampled_from(["a", "b"]))
FINDINGS = st.builds(Finding, KEYS, st.just(""), st.just("text"), st.floats(0, 9), st.floats(0, 9))
LOOKS = st.lists(st.tuples(st.sets(st.sampled_from(Kind)), st.lists(FINDINGS)), max_size=8)


@given(looks=LOOKS)
def test_an_alert_is_open_as_long_as_it_is_found(looks: list[tuple[set[Kind], list[Finding]]]) -> None:
    known: dict[Key, Alert] = {}
    for now, (checked, found) in enumerate(looks):
        findings = [finding for finding in found if finding.key.kind in checked]
        made = list(changes(known, checked, findings, now))
        assert len({alert.id for alert in made}) == len(made)
        for alert in made:
            if alert.cleared_at is None:
                assert alert.key not in known
                known[alert.key] = alert
            else:
                assert known.pop(alert.key) == replace(alert, cleared_at=None)
        wanted = {finding.key for finding in findings}
        assert {key for key in known if key.kind in checked} == wanted
        assert not list(changes(known, checked, findings, now)), "twice the same changes nothing"


def test_what_has_arrived_is_known_by_the_sinks_offsets() -> None:
    arrived = Arrived()
    place = ("callbacks.raw", 0)
    arrived.note(100, {place: 5}, {place: 4})
    assert arrived.until is None
    arrived.note(110, {place: 9}, {place: 5})
    assert arrived.until == 100
    arrived.is_held = True
    arrived.note(120, {place: 9}, {place: 9})
    assert arrived.until == 100, "there may be older ones in a spool"
    arrived.is_held = False
    arrived.note(130, {place: 9}, {place: 9})
    assert arrived.until == 130
