"""The dashboards' views as plots and tables for a span, each with its question."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import Blueprint, g, render_template, request

from console import clocks, fields, reports
from console.context import page_zone
from runtime import clickhouse

if TYPE_CHECKING:
    from console.reports import Report

page = Blueprint("reports", __name__)

SHOWN_ROWS = 200


@page.get("/reports")
def show() -> str:
    known = [each for each in reports.REPORTS if g.viewer.readable_as(each.view)]
    wanted = reports.BY_VIEW.get(request.args.get("view", ""))
    asked = wanted if wanted in known else next(iter(known), None)
    if asked is None:
        return render_template("reports.html", report=None, known=known)
    with_twin = reports.has_twin(asked) and bool(g.viewer.readable_as(reports.twin(asked).view))
    report = reports.twin(asked) if with_twin and _clock() == "account" else asked
    account = request.args.get("account", "")
    values = reports.given(report, request.args)
    with g.viewer.connected() as client:
        if reports.is_local(report):
            g.zone = clocks.zone_of(client, account)
        since, until = _span(report)
        view = g.viewer.readable_as(report.view)
        sql = reports.question(report, view, since=since, until=until, values=values, account=account)
        found = clickhouse.rows(client, sql)
    return render_template(
        "reports.html",
        report=report,
        view=asked.view,
        known=known,
        clock=_clock() if with_twin else "",
        about=reports.about(report),
        columns=reports.columns(report),
        parameters=values,
        since=since,
        until=until,
        sql=sql,
        rows=found[:SHOWN_ROWS],
        count=len(found),
        plot=reports.over_time(report, found) if report.time else None,
        bars=() if report.time else reports.bars(report, found),
    )


def _clock() -> str:
    """By whose hours and days calls are counted."""
    return "utc" if request.args.get("clock") == "utc" else "account"


def _span(report: Report) -> tuple[datetime, datetime]:
    """Whole days unless a time of day is given; in the page's zone."""
    today = datetime.now(page_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    until = _read("Until", "until") or today + timedelta(days=1)
    since = _read("From", "since") or until - timedelta(days=report.days)
    return since, until


def _read(label: str, name: str) -> datetime | None:
    return fields.time_of(label, request.args.get(name, ""), page_zone())
