"""Who sends us callbacks, how well, and what was rejected; sources are added, rotated and paused here."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from console import redrives
from console.asking import query
from console.context import console
from console.explained import explained
from console.guard import may_change
from console.pages.callback import found
from operations.reading import reader
from operations.replay import rejected
from operations.replay.archive import Selection
from operations.replay.readings import Last, means_of
from operations.timeline.document import readable
from runtime import sources
from runtime.clock import SystemClock
from runtime.files import writing
from runtime.sources import SourcesError
from schemas import dialects
from schemas.times import SECOND, microseconds, moment
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from werkzeug.wrappers import Response

    from console.viewers import Viewer
    from runtime.sources import Source

page = Blueprint("sources", __name__)

DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND
REJECTIONS_DAYS = 30
LAST_DAYS = 30
LONGEST_OVERLAP_HOURS = 24 * 30
UNKNOWN = dict.fromkeys(
    (
        "last_received_at",
        "last_hour",
        "callbacks",
        "rejected",
        "rejected_percent",
        "delay_p50",
        "delay_p99",
        "duplicates_percent",
        "doubts",
    )
)
"""What is shown of a source."""
LOOK_AGAIN_MS = 1_000
"""How often the page that waits for a source's first callback looks."""


@page.get("/sources")
def show() -> str:
    here = console()
    known = [each for each in sources.load(here.settings.sources_file) if each.active]
    return render_template("sources.html", sources=known, figures=_figures(g.viewer), unknown=UNKNOWN)


@page.get("/source/<name>")
def one(name: str) -> str:
    source = _source(name)
    return render_template(
        "source.html",
        source=source,
        figures=_figures(g.viewer).get(name, UNKNOWN),
        rejections=_rejections(g.viewer, name),
        days=REJECTIONS_DAYS,
    )


@page.get("/sources/new")
def new() -> str:
    may_change()
    return _form({})


@page.post("/sources/new")
def add() -> str | tuple[str, int]:
    may_change()
    given = {name: value.strip() for name, value in request.form.items()}
    path = console().settings.sources_file
    try:
        with writing(path, "sources_file (CALLWEAVE_SOURCES_FILE)"):
            token = sources.add(
                path,
                given.get("name", ""),
                given.get("account", ""),
                given.get("dialect", ""),
                given.get("timezone", ""),
                charset=given.get("charset") or None,
                country=given.get("country") or None,
            )
    except SourcesError as error:
        return _form(given, _without_path(error)), HTTPStatus.BAD_REQUEST
    return _once(given["name"], token)


@page.post("/source/<name>/rotate")
def rotate(name: str) -> str:
    may_change()
    hours = request.form.get("overlap", type=float, default=48.0)
    if not 0 <= hours <= LONGEST_OVERLAP_HOURS:
        abort(HTTPStatus.BAD_REQUEST, "The old URL may hold for 0 to 720 hours.")
    token = _changed(lambda path: sources.rotate(path, name, timedelta(hours=hours)))
    return _once(name, token)


@page.post("/source/<name>/pause")
def pause(name: str) -> Response:
    may_change()
    _changed(lambda path: sources.pause(path, name))
    return _back(
        name, f"{name} is paused: its callbacks are answered with 503, so that they are sent again later."
    )


@page.post("/source/<name>/resume")
def resume(name: str) -> Response:
    may_change()
    _changed(lambda path: sources.resume(path, name))
    return _back(name, f"{name} is resumed.")


@page.get("/source/<name>/first")
def first(name: str) -> str:
    """Wait for the first callback since a time, and explain it."""
    source = _source(name)
    since = request.args.get("since", type=int, default=microseconds(source.added_at))
    ids = g.viewer.rows(query("first_callback"), source=name, since=since)
    known = found(g.viewer, ids[0]["id"]) if ids else None
    if known is None:
        return render_template("first.html", source=source, look_again=LOOK_AGAIN_MS)
    outcome = reader(console().settings)(known.callback)
    return render_template(
        "first.html",
        source=source,
        callback=known.callback,
        said=explained(outcome),
        readable=readable,
        moment=moment,
    )


@page.post("/source/<name>/redrive")
def redrive(name: str) -> str | Response:
    """Show what a redrive of rejected callbacks would do; or do it, once that was shown."""
    may_change()
    code = request.form.get("code", "")
    here = console()
    if request.form.get("really"):
        asked = redrives.Redrive(name, code)
        if not here.redrives.start(asked, partial(redrives.redrive, here.settings, asked)):
            abort(HTTPStatus.CONFLICT, "Another redrive runs: wait for its end.")
        return redirect(url_for("sources.redriven", name=name))
    chosen = redrives.selection(name, code)
    counted = rejected.fates(here.settings, g.viewer.clickhouse, chosen, redrives.MOST_FORETOLD)
    counts = [(fate, count) for (_, fate), count in counted.most_common()]
    read = counted.total()
    return render_template(
        "redrive.html",
        source=_source(name),
        code=code,
        fates=counts,
        first=read if read >= redrives.MOST_FORETOLD else None,
    )


@page.get("/source/<name>/redrive")
def redriven(name: str) -> str:
    """The progress of the last redrive."""
    return render_template(
        "redriven.html", source=_source(name), work=console().redrives.last, look_again=500
    )


def _source(name: str) -> Source:
    source = sources.load(console().settings.sources_file).get(name)
    if source is None or not source.active:
        abort(HTTPStatus.NOT_FOUND, f"There is no source {name}.")
    return source


def _form(given: Mapping[str, str], wrong: str = "") -> str:
    return render_template("new_source.html", given=given, wrong=wrong, dialects=dialects.NAMES)


def _once(name: str, token: str) -> str:
    """The callback URL, shown this once: it is kept nowhere."""
    ingest = console().settings.ingest
    return render_template(
        "callback_url.html",
        name=name,
        url=ingest.callback_url(token),
        has_public_url=ingest.public_url is not None,
        since=SystemClock().now(),
    )


def _changed(change: Callable[[Any], Any]) -> Any:
    settings = console().settings
    path = settings.sources_file
    Last(settings.data).write_first(means_of(settings, SystemClock().now()))
    try:
        with writing(path, "sources_file (CALLWEAVE_SOURCES_FILE)"):
            return change(path)
    except SourcesError as error:
        abort(HTTPStatus.BAD_REQUEST, _without_path(error))


def _without_path(error: SourcesError) -> str:
    """The sentence for people who need not know where the file is."""
    return str(error).removeprefix(f"{console().settings.sources_file}: ")


def _back(name: str, sentence: str) -> Response:
    g.session.flash.append(sentence)
    return redirect(url_for("sources.one", name=name))


def _figures(viewer: Viewer) -> dict[str, dict[str, Any]]:
    """By source; fewer for people who may not read callbacks."""
    if not viewer.readable >= {"callbacks", "stored_events"}:
        if "source_quality" not in viewer.readable:
            return {}
        return {row["source"]: UNKNOWN | row for row in viewer.rows(query("sources_masked"))}
    now = SystemClock().now()
    found: dict[str, dict[str, Any]] = {}
    for name, span in (("sources_last", LAST_DAYS * DAY), ("sources_day", DAY), ("sources_events", DAY)):
        for row in viewer.rows(query(name), since=now - span, an_hour_ago=now - HOUR):
            found.setdefault(row["source"], dict(UNKNOWN)).update(row)
    for row in found.values():
        _rates(row)
    return found


def _rates(row: dict[str, Any]) -> None:
    tellings = row.get("tellings", 0)
    row["duplicates_percent"] = 100 * (tellings - row["events"]) / tellings if tellings else None
    row["delay_p50"], row["delay_p99"] = row["delays"] if row.get("timed") else (None, None)
    row["rejected_percent"] = 100 * row["rejected"] / row["callbacks"] if row["callbacks"] else None


def _rejections(viewer: Viewer, name: str) -> list[rejected.Group]:
    if "rejected_callbacks" not in viewer.readable:
        return []
    span = Span(since=SystemClock().now() - REJECTIONS_DAYS * DAY, source=name)
    with viewer.connected() as client:
        return rejected.groups(client, Selection(span, rejected=True))
