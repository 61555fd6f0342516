"""Calls that are looked for: a page at a time, or as a file for a spreadsheet."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, render_template, request, stream_with_context

from console.asking import query
from console.context import console
from console.searches import DIRECTIONS, FIELDS, OUTCOMES, Place, Search
from runtime import clickhouse
from runtime.cells import csv_head, csv_lines
from runtime.portions import portions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clickhouse_driver import Client

    from console.viewers import Viewer

    Row = dict[str, Any]
    Key = tuple[str, str, str]
    """Account, day and id of a call."""

page = Blueprint("calls", __name__)

A_PAGE = 50
MOST_IN_A_FILE = 100_000
NO_CALL = ("", "1970-01-01", "")
"""A key: ClickHouse takes no empty list."""


@page.get("/calls")
def show() -> str:
    search = Search.asked(request.args, console().zone)
    with g.viewer.connected() as client:
        found = _found(client, g.viewer, search, A_PAGE + 1)
        shown = _shown(client, g.viewer, found[:A_PAGE])
    more = found[A_PAGE - 1] if len(found) > A_PAGE else None
    asked = {name: request.args[name] for name in FIELDS if request.args.get(name)}
    return render_template(
        "calls.html",
        calls=shown,
        asked=asked,
        outcomes=OUTCOMES,
        directions=DIRECTIONS,
        next_page=_place(more).written() if more else None,
        is_first=search.place is None,
        most=MOST_IN_A_FILE,
    )


@page.get("/calls.csv")
def file() -> Response:
    search = Search.asked(request.args, console().zone)
    lines = _lines(g.viewer, search)
    head = next(lines)  # whatever is refused is refused before the answer begins
    lines = stream_with_context(chain((head,), lines))
    headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return Response(lines, mimetype="text/csv", headers=headers)


def _lines(viewer: Viewer, search: Search) -> Iterator[str]:
    """Portion by portion: ClickHouse and we hold one at a time."""
    with viewer.connected() as client:
        found = _keys(_found(client, viewer, search, MOST_IN_A_FILE))
        for number, keys in enumerate(portions(found)):
            columns, calls = _asked(client, viewer, keys)
            if not number:
                yield csv_head(columns)
            yield csv_lines(calls)


def _found(client: Client, viewer: Viewer, search: Search, most: int) -> list[Row]:
    """Which calls are meant, the newest first."""
    where = search.where(has_index="call_ids" in viewer.readable)
    sql = query("calls_found").format(calls=viewer.view("calls"), where=where)
    return clickhouse.rows(client, sql, {**search.values(), "most": most})


def _place(row: Row) -> Place:
    return Place(row["began"], row["account"], row["call_id"])


def _shown(client: Client, viewer: Viewer, found: Sequence[Row]) -> list[Row]:
    columns, calls = _asked(client, viewer, _keys(found))
    return [dict(zip(columns, each, strict=True)) for each in calls]


def _keys(found: Sequence[Row]) -> list[Key]:
    return [(each["account"], str(each["day"]), each["call_id"]) for each in found] or [NO_CALL]


def _asked(client: Client, viewer: Viewer, keys: Sequence[Key]) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns that are shown of these calls."""
    sql = query("calls_shown").format(calls=viewer.view("calls"))
    days = sorted({day for _, day, _ in keys})
    calls, described = client.execute(sql, {"keys": keys, "days": days}, with_column_types=True)
    return [name for name, _ in described], calls
