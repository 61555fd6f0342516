"""The reports: each is a view of ClickHouse, declared once. Pure.

A view with a column of time is cut to the span that is asked for; one with parameters is given it. Some views
count by hours and days of UTC and have a twin that counts by those of the account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from math import gcd
from typing import TYPE_CHECKING, Any

from console.fields import Unreadable, number_of
from console.formats import NONE
from sinks import masked, statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sinks.masked import Column


@dataclass(frozen=True)
class Report:
    view: str
    title: str
    time: str = ""
    """The column of time, if it has one: hour or day."""
    plots: tuple[str, ...] = ()
    """Columns that are plotted."""
    by: str = ""
    """Without a column of time: the column that labels the bars."""
    stacked: bool = False
    """Whether the columns add up to something; otherwise the first holds the others."""
    days: int = 7
    """The span for which it is shown at first, today included."""

    @property
    def colours(self) -> dict[str, str]:
        """Of the columns that are plotted: classes of the style sheet."""
        names = ("now", "ring", "before") if self.stacked or not self.time else ("before", "now")
        return dict(zip(self.plots, names if len(self.plots) > 1 else ("now",), strict=False))


CALL_BACK_DAYS = 2
"""Who was missed before is not called back any more."""
REPORTS = (
    Report(
        "call_figures", "Waits, answers, handle times", "interval_began_at", ("offered", "offered_answered")
    ),
    Report(
        "caller_figures",
        "Repeat callers, call-backs",
        "interval_began_at",
        ("missed_callers", "called_back"),
        days=CALL_BACK_DAYS,
    ),
    Report(
        "missed_callers", "Missed callers", by="caller", plots=("call_back_seconds",), days=CALL_BACK_DAYS
    ),
    Report("calls_by_hour", "Calls by hour", "hour", ("calls", "answered")),
    Report("calls_by_extension", "Calls by extension", "day", ("calls", "answered")),
    Report("calls_by_campaign", "Calls by campaign", "day", ("calls", "answered")),
    Report("agents", "Agents", "hour", ("talk_seconds", "ring_seconds", "idle_seconds"), stacked=True),
    Report("service_level", "Service level", by="line", plots=("of_offered_percent",)),
    Report("hangup_causes", "Why calls ended", "day", ("calls",)),
    Report("asr", "Answer-seizure ratio", by="source", plots=("asr_percent",)),
    Report("ner", "Network effectiveness", by="source", plots=("ner_percent",)),
    Report("abr", "Answer-bid ratio", by="source", plots=("abr_percent",)),
    Report("acd", "Average call duration", by="source", plots=("acd_seconds",)),
    Report("pdd", "Post-dial delay", by="source", plots=("pdd_seconds", "p95_seconds")),
    Report("abandoned_rate", "Abandoned by a campaign", by="campaign", plots=("abandoned_percent",)),
    Report("reconciliation_by_hour", "Gaps between events and CDRs", "hour", ("gaps",)),
    Report(
        "source_quality", "Quality of sources", by="source", plots=("duplicates_percent", "doubtful_percent")
    ),
)
"""In the order in which they are listed; a view that this machine's ClickHouse does not have is left out."""

BY_VIEW = {report.view: report for report in REPORTS}
DEFAULTS = {"threshold": "20", "seconds": "2", "campaign": "", "minutes": "60", "by": ""}
"""Of parameters other than the span."""
DAY_SECONDS, DAY_MINUTES, MOST_DAYS = 86_400, 1_440, 366
GROUPS = frozenset({"direction", "line", "queue", "team", "agent", "campaign"})
"""The columns by which figures may be grouped."""
LOCAL = "_local"
"""Ends the name of a view's twin."""
OF_DAYS = frozenset({"first_day", "last_day"})
OF_THE_SPAN = frozenset({"since", "until"}) | OF_DAYS
"""Parameters that a span gives."""
MOST_ROWS = 20_000
MOST_BARS = 24
DAY, MINUTE, TIME = "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"
"""A twin's hours are texts, as in 2026-03-29 03:00+02:00: the offset follows the minute."""
EPOCH = date(1970, 1, 1)


def has_twin(report: Report) -> bool:
    """Whether it can be had by UTC and by the account's clock."""
    return f"{report.view}{LOCAL}" in _texts()


def twin(report: Report) -> Report:
    """The same by the account's clock."""
    return replace(report, view=f"{report.view}{LOCAL}")


def is_local(report: Report) -> bool:
    """Whether its days are those of the account's clock."""
    return report.view.endswith(LOCAL) or not OF_DAYS.isdisjoint(parameters(report))


def parameters(report: Report) -> dict[str, str]:
    return masked.parameters(_text(report.view))


def columns(report: Report) -> dict[str, Column]:
    """What each column means."""
    return {each.name: each for each in masked.columns(_text(report.view))}


def about(report: Report) -> str:
    """What the view says of itself."""
    text = _text(report.view)
    return text[text.rindex("\nCOMMENT '") + len("\nCOMMENT '") :].split("';")[0].replace("''", "'")


def given(report: Report, fields: Mapping[str, str]) -> dict[str, str]:
    """Values of its parameters other than the span, as people wrote them; raises `Unreadable`."""
    asked = [name for name in parameters(report) if name not in OF_THE_SPAN]
    return {name: _read(name, fields.get(name, "").strip() or DEFAULTS[name]) for name in asked}


def _read(name: str, text: str) -> str:
    if name in {"threshold", "seconds"}:
        return f"{number_of(name.capitalize(), text, DAY_SECONDS)!r}".removesuffix(".0")
    if name == "minutes":
        return f"{_minutes(text)}"
    return _groups(text) if name == "by" else text


def _groups(text: str) -> str:
    found = [each.strip() for each in text.split(",") if each.strip()]
    if not GROUPS.issuperset(found):
        raise Unreadable(f"By must name, between commas, some of {', '.join(sorted(GROUPS))}.")
    return ",".join(found)


def _minutes(text: str) -> int:
    """The length of an interval; 0 is all of the span."""
    found = number_of("Minutes", text, MOST_DAYS * DAY_MINUTES)
    if found % 1 or (found % DAY_MINUTES and DAY_MINUTES % found):
        raise Unreadable("Minutes must be 0, or divide a day, or be whole days.")
    return int(found)


def question(
    report: Report,
    view: str,
    *,
    since: datetime,
    until: datetime,
    values: Mapping[str, str],
    account: str = "",
) -> str:
    """SQL for a span; `view` may be the masked twin, and `values` has those of its other parameters."""
    asked = parameters(report)
    known = {**values, **_of_the_span(since, until)}
    passed = ", ".join(f"{name} = {_literal(kind, known[name])}" for name, kind in asked.items())
    # the view is one of ours, and every value is quoted
    lines = [f"SELECT * FROM {view}{f'({passed})' if asked else ''}"]  # noqa: S608 - our own text
    conditions = _within(report, since, until) if report.time and not asked else []
    if account:
        conditions.append(f"account = {_quoted(account)}")
    if conditions:
        lines.append("WHERE " + "\n    AND ".join(conditions))
    if report.time:
        lines.append(f"ORDER BY {report.time}")
    return "\n".join([*lines, f"LIMIT {MOST_ROWS}"])


def _within(report: Report, since: datetime, until: datetime) -> list[str]:
    """Conditions: a span of UTC, or of what the account's clock showed."""
    is_twin = report.view.endswith(LOCAL)
    column, form = (f"local_{report.time}", MINUTE) if is_twin else (report.time, TIME)
    if report.time == "day":
        column, form = "day", DAY
    if not is_twin:
        since, until = since.astimezone(UTC), until.astimezone(UTC)
    return [f"{column} {sign} {_quoted(at.strftime(form))}" for sign, at in ((">=", since), ("<", until))]


def over_time(report: Report, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is plotted: times, the sums of each column, and colours; the last column is in front."""
    found: dict[int, list[float]] = {}
    for row in rows:
        sums = found.setdefault(_seconds(row[report.time]), [0.0] * len(report.plots))
        for place, name in enumerate(report.plots):
            sums[place] += float(row[name] or 0)
    every = _evenly(found, DAY_SECONDS if report.time == "day" else 3_600)
    nothing = [0.0] * len(report.plots)
    by_time = [found.get(at, nothing) for at in every]
    colours = list(report.colours.values())
    if report.stacked:
        by_time = [list(accumulate(sums))[::-1] for sums in by_time]
        colours.reverse()
    return {"data": [every, *map(list, zip(*by_time, strict=True))], "colours": colours}


def _evenly(found: Collection[int], step: int) -> list[int]:
    """All of these times and those between them, in equal steps; only these if there would be too many."""
    times = sorted(found)
    step = gcd(step, *(at - times[0] for at in times))
    every = range(times[0], times[-1] + 1, step) if times else range(0)
    return list(every) if len(every) <= MOST_ROWS else times


@dataclass(frozen=True)
class Bar:
    name: str
    column: str
    value: float | None
    width: float
    """Per cent of the longest."""


def bars(report: Report, rows: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """What is drawn of a report without a column of time: of each row a bar for each column."""
    values = [float(row[name] or 0) for row in rows for name in report.plots]
    longest = max((abs(each) for each in values), default=0.0) or 1.0
    return [
        Bar(_name(report, row), name, row[name], round(100 * abs(float(row[name] or 0)) / longest, 2))
        for row in rows[:MOST_BARS]
        for name in report.plots
    ]


def _name(report: Report, row: Mapping[str, Any]) -> str:
    return " ".join(str(row[name]) for name in (report.by, "direction") if row.get(name)) or NONE


def _seconds(value: date) -> int:
    """Of a day or an hour; UTC."""
    return int(value.timestamp()) if isinstance(value, datetime) else (value - EPOCH).days * DAY_SECONDS


def _text(view: str) -> str:
    return _texts()[view]


@cache
def _texts() -> dict[str, str]:
    return {file.name.removesuffix(".sql"): file.text for file in statements.views()}


def _utc(value: datetime) -> str:
    return value.astimezone(UTC).strftime(TIME)


def _of_the_span(since: datetime, until: datetime) -> dict[str, str]:
    """Values of parameters; days are those that the clock of `since` and `until` shows, both included."""
    last = max(since, until - timedelta(seconds=1))
    return {
        "since": _utc(since),
        "until": _utc(until),
        "first_day": f"{since:{DAY}}",
        "last_day": f"{last:{DAY}}",
    }


def _literal(kind: str, value: str) -> str:
    return value if kind.startswith(("Float", "UInt")) else _quoted(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
