"""The application: its pages, and what every page is given."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Flask, g, render_template, request
from werkzeug.exceptions import HTTPException

from console import formats
from console.context import NAME, console
from console.guard import guard
from console.pages import call, callback, calls, health, now, reports, sign_in, sources
from console.viewers import NotYours
from runtime.errors import CallweaveError
from schemas.times import moment

if TYPE_CHECKING:
    from console.context import Console

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
        at=partial(formats.time_of, zone=here.zone),
        shown=partial(formats.shown, zone=here.zone),
    )
    app.context_processor(_everywhere)
    app.register_error_handler(HTTPException, _http_problem)
    app.register_error_handler(NotYours, partial(_problem, status=HTTPStatus.FORBIDDEN))
    app.register_error_handler(CallweaveError, partial(_problem, status=HTTPStatus.SERVICE_UNAVAILABLE))
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
        "zone": here.settings.console.timezone,
        "signs_in": not here.is_open,
        "account": account(),
    }


def account() -> str:
    """The one that is asked for; empty for all."""
    wanted = request.args.get("account", "")
    viewer = g.get("viewer")
    return wanted if viewer is not None and wanted in viewer.accounts else ""


def _http_problem(error: HTTPException) -> tuple[str, int]:
    status = HTTPStatus(error.code or 500)
    return _page(status, error.description or status.phrase)


def _problem(error: CallweaveError, *, status: HTTPStatus) -> tuple[str, int]:
    return _page(status, str(error))


def _page(status: HTTPStatus, sentence: str) -> tuple[str, int]:
    return render_template("problem.html", status=status, sentence=sentence), status
