"""One call: its legs on a time line, and how each thing about it is known."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, g, render_template, request

from console.drawings import drawing
from console.whole_calls import numbered, reads_all, timeline_of
from operations.timeline.document import readable
from operations.timeline.spelled import Spelled
from runtime.clock import SystemClock
from schemas.times import moment

if TYPE_CHECKING:
    from operations.timeline.timeline import Moment, Timeline

page = Blueprint("call", __name__)


@page.get("/call")
def show() -> str:
    account, call_id = request.args.get("account", ""), request.args.get("id", "")
    raw = bool(request.args.get("raw"))
    laid_out = timeline_of(g.viewer, account, call_id, SystemClock().now(), raw=raw)
    if laid_out is None:
        abort(HTTPStatus.NOT_FOUND, "No call that you may see has this id.")
    row = laid_out.whole.row
    legs = Spelled.of(laid_out.whole)
    events = numbered((each.event.event_id for each in laid_out.moments), "#")
    return render_template(
        "call.html",
        call=row,
        laid_out=laid_out,
        legs=legs,
        events=events,
        drawing=drawing(laid_out, _by_leg(laid_out, legs), events),
        bill={name.removeprefix("cdr_"): value for name, value in row.items() if name.startswith("cdr_")},
        said=[_unlike_the_row(laid_out, each) for each in laid_out.moments],
        changes=[each for each in laid_out.changes if each.revision > 1],
        moment=moment,
        readable=readable,
        raw=raw,
        has_bytes=reads_all(g.viewer),
    )


def _by_leg(laid_out: Timeline, legs: Spelled) -> dict[str, str]:
    """Legs are written as the provider did in the row, and in one way in their table."""
    ids = (leg["leg_id"] for leg in laid_out.whole.legs)
    return {each: legs.name(each, each[:8]) for each in ids}


def _unlike_the_row(laid_out: Timeline, each: Moment) -> dict[str, Any]:
    """What an event says that is not what holds."""
    row = laid_out.whole.row
    return {name: value for name, value in each.said().items() if name in row and row[name] != value}
