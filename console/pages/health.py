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
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.errors import StartError

if TYPE_CHECKING:
    from pathlib import Path

    from clickhouse_driver import Client
    from werkzeug.wrappers import Response

    from console.viewers import Viewer

page = Blueprint("health", __name__)

ALERTS = "alerts"
"""The table of `callweave run watch`, where that runs."""


@page.get("/health")
def show() -> tuple[str, int]:
    """Shown without ClickHouse too: then it says that that is away, with 503."""
    here = console()
    asked, trouble = _asked(g.viewer)
    page = render_template(
        "health.html",
        stages=stages.asked(here.settings),
        spooled=_spooled(here.settings.spool_folder()),
        audit=here.audits.last,
        trouble=trouble,
        **asked,
    )
    return page, HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK


def _spooled(folder: Path | None) -> int | None:
    """The callbacks in the ingress's spool; None where the console may not look."""
    try:
        return 0 if folder is None else spool.counted(folder)
    except OSError:
        return None


def _asked(viewer: Viewer) -> tuple[dict[str, Any], str]:
    """What ClickHouse knows, and why it can't be asked."""
    try:
        with viewer.connected() as client:
            client.execute("SELECT 1")  # it may be away, and nothing be readable
            return {"alerts": _alerts(viewer, client), "dead_letters": _dead_letters(viewer, client)}, ""
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


def _alerts(viewer: Viewer, client: Client) -> list[dict[str, Any]] | None:
    """The newest; None where nothing watches, or they may not be seen."""
    return clickhouse.rows(client, query("alerts")) if ALERTS in viewer.readable else None


def _dead_letters(viewer: Viewer, client: Client) -> int | None:
    if "dead_letters" not in viewer.readable:
        return None
    count: int = clickhouse.rows(client, query("dead_letters"))[0]["messages"]
    return count
