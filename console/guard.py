"""What every request must pass: a host that is ours, a session, a token for whatever changes something."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, redirect, request, url_for

from console import viewers
from console.context import console
from console.sessions import COOKIE, REFRESH_SECONDS, Session
from runtime.addresses import is_loopback
from runtime.errors import StartError

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as Answer

    from console.viewers import Viewer

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, browsers send no Origin with a form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPEN = frozenset({"static", "sign_in.show", "sign_in.enter"})
"""What is shown to people who have not signed in."""
WITHOUT_CLICKHOUSE = frozenset({"health.show"})
"""Pages that are shown even if ClickHouse has not answered since the console started."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def guard(app: Flask) -> None:
    app.before_request(_only_our_hosts)
    app.before_request(_session)
    app.before_request(_only_our_forms)
    app.before_request(_viewer)
    app.after_request(_headers)


def _only_our_hosts() -> None:
    """A name that is not ours may be anybody's that was made to lead here (DNS rebinding)."""
    if not _is_ours(urlsplit(f"//{request.host}").hostname or ""):
        abort(HTTPStatus.MISDIRECTED_REQUEST)


def _is_ours(name: str) -> bool:
    settings = console().settings.console
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    return is_loopback(name) or name in {settings.host, public}


def _session() -> None:
    """Only sessions of people who may see something are kept: strangers can't push them out."""
    here = console()
    found = here.sessions.find(request.cookies.get(COOKIE, ""))
    is_page = request.endpoint != "static"
    g.is_new = found is None and is_page
    g.session = found or here.sessions.visitor()
    g.csrf = here.sessions.token(g.session)
    if here.is_open and is_page:
        here.sessions.keep(g.session)


def _only_our_forms() -> None:
    if request.method in SAFE:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        abort(HTTPStatus.FORBIDDEN, "The request comes from another site.")
    given = request.form.get("csrf") or request.headers.get("X-CSRF-Token", "")
    if g.is_new or not console().sessions.is_token(g.session, given):
        abort(HTTPStatus.FORBIDDEN, "The form has expired, or was not ours: open the page again.")


def _viewer() -> Answer | None:
    if request.endpoint == "static":
        return None
    g.viewer = _known(g.session)
    if g.viewer is None and request.endpoint not in OPEN and request.endpoint is not None:
        if request.path.endswith(".json"):
            abort(HTTPStatus.UNAUTHORIZED)
        wanted = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return redirect(url_for("sign_in.show", next=wanted))
    return None


def _known(session: Session) -> Viewer | None:
    """Who looks, with the rights that ClickHouse granted a moment ago."""
    here = console()
    if here.is_open:
        return _owner()
    viewer, now = session.viewer, time.monotonic()
    if viewer is None or now - session.checked < REFRESH_SECONDS:
        return viewer
    session.checked = now
    try:
        password = viewer.clickhouse.password.get_secret_value()
        session.viewer = viewers.signed_in(here.settings, viewer.user, password)
    except viewers.Refused:
        here.sessions.end(session)
        return None
    except StartError:
        return viewer
    return session.viewer


def _owner() -> Viewer:
    try:
        return console().owner()
    except StartError:
        if request.endpoint not in WITHOUT_CLICKHOUSE:
            raise
        return viewers.unasked(console().settings)


def viewer_of(accounts: frozenset[str]) -> Viewer:
    """Who looks; asked for anew if it is not known whether they may see all of these accounts."""
    here, session = console(), g.session
    viewer: Viewer = g.viewer
    if accounts <= session.hidden.union(viewer.accounts):
        return viewer
    if here.is_open:
        viewer = here.owner(anew=True)
    else:
        session.checked = float("-inf")
        viewer = _known(session) or viewer
    session.hidden = accounts.difference(viewer.accounts)
    return viewer


def may_change() -> None:
    """Refuse those whose role does not allow it."""
    if not g.viewer.may_change:
        role = console().settings.console.operator_role
        abort(HTTPStatus.FORBIDDEN, f"Only users with the role {role} may change this.")


def _headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "public, max-age=300"
        return response
    response.headers["Cache-Control"] = "no-store"
    if g.get("is_new") and "session" in g:
        keep(response, g.session)
    return response


def keep(response: Answer, session: Session) -> None:
    """Let the browser keep a session's name, where no script reads it and no other site sends it."""
    here = console()
    public = here.settings.console.public_url or ""
    response.set_cookie(
        COOKIE,
        here.sessions.cookie(session),
        httponly=True,
        samesite="Strict",
        secure=public.startswith("https:"),
        path="/",
    )
