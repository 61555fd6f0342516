"""Sign in with a user and a password of ClickHouse; sign out."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, url_for

from console import viewers
from console.context import console
from console.guard import keep

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

page = Blueprint("sign_in", __name__)

WRONG_SECONDS = 1.0
"""How long the answer to a wrong password takes: nobody guesses many."""


@page.get("/sign-in")
def show() -> str | Response:
    if g.viewer is not None:
        return redirect(url_for("now.show"))
    return _form()


@page.post("/sign-in")
def enter() -> tuple[str, int] | Response:
    here = console()
    user, password = request.form.get("user", ""), request.form.get("password", "")
    try:
        viewer = viewers.signed_in(here.settings, user, password)
    except viewers.Refused as error:
        time.sleep(WRONG_SECONDS)
        return _form(user, str(error)), HTTPStatus.UNAUTHORIZED
    here.sessions.end(g.session)  # a name that was known before must not become a signed-in one
    g.session = here.sessions.begin(viewer)
    response = redirect(_inside(request.form.get("next", "")))
    keep(response, g.session)
    return response


@page.post("/sign-out")
def leave() -> Response:
    console().sessions.end(g.session)
    return redirect(url_for("sign_in.show"))


def _form(user: str = "", wrong: str = "") -> str:
    wanted = request.values.get("next", "/")
    return render_template("sign_in.html", user=user, wrong=wrong, next=_inside(wanted))


def _inside(path: str) -> str:
    """A path of ours; any other would lead away."""
    try:
        parts = urlsplit(path)
    except ValueError:  # from a bracket that is not closed
        return "/"
    ours = (
        path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    )
    return path if ours else "/"
