"""The reports: each is a view of ClickHouse, declared once. Pure.

A view with a column of time is cut to the span that is asked for; one with parameters is given it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from console.formats import NONE
from sinks import masked, statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """Without a column of time: what stands under the bars."""


REPORTS = (
    Report("calls_by_hour", "Calls by hour", "hour", ("calls", "answered")),
    Report("calls_by_extension", "Calls by extension", "day", ("calls", "answered")),
    Report("calls_by_campaign", "Calls by campaign", "day", ("calls", "answered")),
    Report("agents", "Agents", "hour", ("talk_seconds", "ring_seconds", "idle_seconds")),
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
DEFAULTS = {"threshold": "20", "seconds": "2", "campaign": ""}
"""Of parameters other than the span."""
MOST_ROWS = 2_000
TIME = "%Y-%m-%d %H:%M:%S"
EPOCH = date(1970, 1, 1)


def parameters(report: Report) -> dict[str, str]:
    """A view's parameters, with their types."""
    return masked.parameters(_text(report.view))


def columns(report: Report) -> dict[str, Column]:
    """What each column means."""
    return {each.name: each for each in masked.columns(_text(report.view))}


def about(report: Report) -> str:
    """What the view says of itself."""
    text = _text(report.view)
    return text[text.rindex("\nCOMMENT '") + len("\nCOMMENT '") :].split("';")[0].replace("''", "'")


def question(
    report: Report,
    view: str,
    *,
    since: datetime,
    until: datetime,
    given: Mapping[str, str],
    account: str = "",
) -> str:
    """SQL for a span of UTC; `view` may be the masked twin, and `given` has the values of parameters."""
    asked = parameters(report)
    values = {**DEFAULTS, **given, "since": _time(since), "until": _time(until)}
    passed = ", ".join(f"{name} = {_literal(kind, values.get(name, ''))}" for name, kind in asked.items())
    # the view is one of ours, and every value is quoted
    lines = [f"SELECT * FROM {view}{f'({passed})' if asked else ''}"]  # noqa: S608 - our own text
    conditions = []
    if report.time:
        form = "%Y-%m-%d" if report.time == "day" else TIME
        conditions += [
            f"{report.time} >= {_quoted(since.strftime(form))}",
            f"{report.time} < {_quoted(until.strftime(form))}",
        ]
    if account:
        conditions.append(f"account = {_quoted(account)}")
    if conditions:
        lines.append("WHERE " + "\n    AND ".join(conditions))
    if report.time:
        lines.append(f"ORDER BY {report.time}")
    return "\n".join([*lines, f"LIMIT {MOST_ROWS}"])


def plot(report: Report, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the page draws: names, whether times are meant, and a list for each."""
    if report.time:
        return _over_time(report, rows)
    names = [_name(report, row) for row in rows]
    return {
        "names": list(report.plots),
        "labels": names,
        "data": [list(range(len(names))), *([_number(row[name]) for row in rows] for name in report.plots)],
    }


def _over_time(report: Report, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[int, list[float]] = {}
    for row in rows:
        sums = found.setdefault(_seconds(row[report.time]), [0.0] * len(report.plots))
        for place, name in enumerate(report.plots):
            sums[place] += _number(row[name]) or 0.0
    times = sorted(found)
    step = 86_400 if report.time == "day" else 3_600
    every = list(range(times[0], times[-1] + 1, step)) if times else []
    data = [
        [found.get(at, [0.0] * len(report.plots))[place] for at in every]
        for place in range(len(report.plots))
    ]
    return {"names": list(report.plots), "labels": None, "data": [every, *data]}


def _name(report: Report, row: Mapping[str, Any]) -> str:
    told = (str(row[name]) for name in (report.by, "direction") if row.get(name))
    return " ".join(told) or NONE


def _seconds(value: date) -> int:
    """Of a day or an hour; UTC."""
    return int(value.timestamp()) if isinstance(value, datetime) else (value - EPOCH).days * 86_400


def _number(value: Any) -> float | None:
    return None if value is None else round(float(value), 3)


def _text(view: str) -> str:
    return next(file.text for file in statements.views() if file.name == f"{view}.sql")


def _time(value: datetime) -> str:
    return value.strftime(TIME)


def _literal(kind: str, value: str) -> str:
    """Of a parameter: a number for a number, else a text; a text that is no number becomes 0."""
    if not kind.startswith("Float"):
        return _quoted(value)
    try:
        return repr(float(value))
    except ValueError:
        return "0"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
