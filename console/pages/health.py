"""Whether the pipeline works: its stages, what waits, what is missing, what was told of."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, g, redirect, render_template, url_for

from console import audits, stages
from console.asking import query
from console.context import console
from console.guard import may_change
from ingest import spool
from runtime.clock import SystemClock
from runtime.errors import StartError

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

    from console.viewers import Viewer

page = Blueprint("health", __name__)

ALERTS = "alerts"
"""The table of `callweave run watch`, where that runs."""


@page.get("/health")
def show() -> tuple[str, int]:
    """Shown without ClickHouse too: then it says that that is away, with 503."""
    here = console()
    folder = here.settings.spool_folder()
    asked, trouble = _asked(g.viewer)
    page = render_template(
        "health.html",
        stages=stages.asked(here.settings),
        spooled=spool.counted(folder) if folder is not None and folder.is_dir() else 0,
        audit=here.audits.last,
        trouble=trouble,
        **asked,
    )
    return page, HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK


def _asked(viewer: Viewer) -> tuple[dict[str, Any], str]:
    """What ClickHouse knows, and why it can't be asked."""
    try:
        return {"alerts": _alerts(viewer), "dead_letters": _dead_letters(viewer)}, ""
    except StartError as error:
        return {"alerts": None, "dead_letters": None}, str(error)


@page.post("/health/audit")
def audit() -> Response:
    """Begin one: it takes seconds, and the page shows what it finds."""
    may_change()
    here, now = console(), SystemClock().now()
    if not here.audits.start(audits.Audit(), lambda _: audits.audit(here.settings, now)):
        abort(HTTPStatus.CONFLICT, "An audit runs already: wait for its end.")
    return redirect(url_for("health.show") + "#audit")


def _alerts(viewer: Viewer) -> list[dict[str, Any]] | None:
    """The newest; None where nothing watches, or they may not be seen."""
    return viewer.rows(query("alerts")) if ALERTS in viewer.readable else None


def _dead_letters(viewer: Viewer) -> int | None:
    if "dead_letters" not in viewer.readable:
        return None
    count: int = viewer.rows(query("dead_letters"))[0]["messages"]
    return count
