"""The application: its pages, and what every page is given."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from console import formats
from console.context import NAME, console, page_zone
from console.fields import Unreadable
from console.guard import guard
from console.pages import call, callback, calls, health, now, reports, sign_in, sources
from console.troubles import OUTSIDE, sentence_of
from console.viewers import NotYours
from schemas.times import moment

if TYPE_CHECKING:
    from flask import Response

    from console.context import Console

    Shown = tuple[str | Response, int]

log = structlog.get_logger(__name__)

MOST_BYTES = 64 * 1024
"""A larger form is refused."""
PAGES = (now, calls, call, reports, sources, callback, health, sign_in)
NAVIGATION = (
    ("now.show", "Now", "n"),
    ("calls.show", "Calls", "c"),
    ("reports.show", "Reports", "r"),
    ("sources.show", "Sources", "s"),
    ("health.show", "Health", "h"),
)
"""The pages in the head of each page, and the key that follows g."""


def create(here: Console) -> Flask:
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MOST_BYTES, MAX_FORM_MEMORY_SIZE=MOST_BYTES)
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.extensions[NAME] = here
    guard(app)
    for module in PAGES:
        app.register_blueprint(module.page)
    app.jinja_env.filters.update(
        duration=formats.duration,
        delay=formats.delay,
        number=formats.number,
        percent=formats.percent,
        share=formats.share,
        us=moment,
        at=lambda value, **how: formats.time_of(value, page_zone(), **how),
        shown=lambda value: formats.shown(value, page_zone()),
    )
    app.context_processor(_everywhere)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(NotYours, _not_yours)
    app.register_error_handler(Unreadable, _unreadable)
    for outside in OUTSIDE:
        app.register_error_handler(outside, _outside_problem)
    return app


def _everywhere() -> dict[str, Any]:
    """Values for the frame of each page."""
    here = console()
    viewer = g.get("viewer")
    flash: list[str] = []
    if "session" in g:
        flash, g.session.flash = g.session.flash, []
    return {
        "viewer": viewer,
        "csrf": g.get("csrf", ""),
        "flash": flash,
        "navigation": NAVIGATION if viewer else (),
        "zone": page_zone().key,
        "signs_in": not here.is_open,
        "account": account(),
    }


def account() -> str:
    """The one that is asked for; empty for all."""
    wanted = request.args.get("account", "")
    viewer = g.get("viewer")
    return wanted if viewer is not None and wanted in viewer.accounts else ""


def _http_problem(error: HTTPException) -> Shown:
    status = HTTPStatus(error.code or 500)
    return _page(status, error.description or status.phrase)


def _not_yours(error: NotYours) -> Shown:
    return _page(HTTPStatus.FORBIDDEN, str(error))


def _unreadable(error: Unreadable) -> Shown:
    return _page(HTTPStatus.BAD_REQUEST, str(error))


def _outside_problem(error: Exception) -> Shown:
    sentence = sentence_of(console().settings, error)
    log.warning("a page can't be shown", path=request.path, problem=sentence)
    return _page(HTTPStatus.SERVICE_UNAVAILABLE, sentence or HTTPStatus.SERVICE_UNAVAILABLE.phrase)


def _page(status: HTTPStatus, sentence: str) -> Shown:
    if request.path.endswith(".json"):
        return jsonify(trouble=sentence), status
    return render_template("problem.html", status=status, sentence=sentence), status
