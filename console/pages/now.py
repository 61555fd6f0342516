"""What goes on at this moment, and how the day has gone so far."""

from __future__ import annotations

import time
from http import HTTPStatus

import orjson
from flask import Blueprint, Response, abort, g, render_template, request

from console import figures
from console.context import console
from console.guard import viewer_of

page = Blueprint("now", __name__)

STALE_SECONDS = 30.0
"""Older figures are not shown as those of now."""


@page.get("/")
def show() -> str:
    return render_template("now.html")


@page.get("/wallboard")
def wallboard() -> str:
    """The same for a screen on a wall, without the frame."""
    return render_template("now.html", wallboard=True)


@page.get("/now.json")
def newest() -> Response:
    here = console()
    g.viewer.view("calls")  # whoever may read no calls sees no figures of them
    snapshot = here.board.current()
    if snapshot is None or time.time() - snapshot.read_at > STALE_SECONDS:
        abort(HTTPStatus.SERVICE_UNAVAILABLE, here.board.trouble or "Nothing was read yet.")
    wanted = request.args.get("account", "")
    viewer = viewer_of(snapshot.accounts)
    accounts = [each for each in viewer.accounts if wanted in {"", each}]
    answer = figures.document(snapshot, accounts, time.time())
    alerts = answer["alerts"] if "alerts" in viewer.readable else 0
    shown = {**answer, "alerts": alerts, "trouble": here.board.trouble}
    return Response(orjson.dumps(shown), mimetype="application/json")
