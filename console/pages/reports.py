"""The dashboards' views as plots and tables for a span, each with its question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request

from console import reports
from console.context import console

page = Blueprint("reports", __name__)

DAYS = 7
"""The span of a report for which none is asked."""
SHOWN_ROWS = 200


@page.get("/reports")
def show() -> str:
    known = [each for each in reports.REPORTS if g.viewer.readable_as(each.view)]
    wanted = reports.BY_VIEW.get(request.args.get("view", ""))
    report = wanted if wanted in known else next(iter(known), None)
    if report is None:
        return render_template("reports.html", report=None, known=known)
    since, until = _span()
    sql = reports.question(
        report,
        g.viewer.readable_as(report.view),
        since=since.astimezone(UTC),
        until=until.astimezone(UTC),
        given=request.args.to_dict() | _days(since, until),
        account=request.args.get("account", ""),
    )
    found = g.viewer.rows(sql.replace("%", "%%"))
    return render_template(
        "reports.html",
        report=report,
        known=known,
        about=reports.about(report),
        columns=reports.columns(report),
        parameters={
            name: _given(name) for name in reports.parameters(report) if name not in reports.OF_THE_SPAN
        },
        since=since,
        until=until,
        sql=sql,
        rows=found[:SHOWN_ROWS],
        count=len(found),
        plot=reports.over_time(report, found) if report.time else None,
        bars=() if report.time else reports.bars(report, found),
    )


def _span() -> tuple[datetime, datetime]:
    """Whole days of the console's zone unless a time of day is given."""
    zone = console().zone
    today = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    until = _read(request.args.get("until", "")) or today + timedelta(days=1)
    since = _read(request.args.get("since", "")) or until - timedelta(days=DAYS)
    return since, until


def _days(since: datetime, until: datetime) -> dict[str, str]:
    """The first and the last day of a span, for views that count by days of the account's own clock."""
    last = max(since, until - timedelta(seconds=1))
    return {"first_day": f"{since:%Y-%m-%d}", "last_day": f"{last:%Y-%m-%d}"}


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=console().zone)
    except ValueError:
        return None


def _given(name: str) -> Any:
    return request.args.get(name, reports.DEFAULTS.get(name, ""))
