"""The options --since, --until and --source, which select callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from schemas.limits import FIRST_TIME, LAST_TIME
from schemas.times import microseconds, moment
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.core import Context, Parameter


class Moment(click.ParamType):
    """A time in ISO 8601, in UTC unless it has an offset, read as microseconds since 1970 UTC."""

    name = "time"

    def convert(self, value: Any, param: Parameter | None, ctx: Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time as in 2026-01-31T12:00:00+08:00", param, ctx)
        read = read if read.tzinfo else read.replace(tzinfo=UTC)
        return microseconds(read)


def span_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the three options, and pass them on as `span`; options that are left out leave it open."""

    @click.option("--since", type=Moment(), default=FIRST_TIME, help="Received at this time or later.")
    @click.option(
        "--until",
        type=Moment(),
        default=LAST_TIME,
        help="Received before this time; UTC without an offset.",
    )
    @click.option("--source", help="Only from this source.")
    @wraps(command)
    def selecting(*, since: int, until: int, source: str | None, **options: Any) -> None:
        command(span=Span(since, until, source), **options)

    return selecting


def shown(time: int) -> str:
    return moment(time).strftime("%Y-%m-%d %H:%M:%S")
