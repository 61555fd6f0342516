"""One callback: its bytes, and what this machine's code makes of them now."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Blueprint, abort, g, render_template, request

from console.context import console
from console.explained import explained
from console.viewers import NotYours
from operations.reading import reader
from operations.replay import archive
from operations.timeline.document import readable
from schemas.times import moment

if TYPE_CHECKING:
    from console.viewers import Viewer
    from operations.replay.archive import Archived

page = Blueprint("callback", __name__)


@page.get("/callback")
def show() -> str:
    known = found(g.viewer, request.args.get("id", ""))
    if known is None:
        abort(HTTPStatus.NOT_FOUND, "No callback that you may see has this id.")
    outcome = reader(console().settings)(known.callback)
    return render_template(
        "callback.html",
        known=known,
        callback=known.callback,
        moment=moment,
        readable=readable,
        said=explained(outcome),
    )


def found(viewer: Viewer, id_: str) -> Archived | None:
    """The archived callback; raises `NotYours` for who may see no bytes."""
    if "callbacks" not in viewer.readable:
        raise NotYours("Your user of ClickHouse may not read what providers sent.")
    with viewer.connected(as_bytes=True) as client:
        return archive.one(client, id_)
