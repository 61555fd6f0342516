"""The options --since, --until and --source, which select callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from schemas.times import microseconds, moment
from sinks.span import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.core import Context, Parameter


Command = TypeVar("Command", bound="Callable[..., Any]")


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


def span_options(command: Command) -> Command:
    """Add the three options, as `since`, `until` and `source`."""
    for option in (
        click.option("--source", help="Only from this source."),
        click.option("--until", type=Moment(), help="Received before this time; UTC if it has no offset."),
        click.option("--since", type=Moment(), help="Received at this time or later."),
    ):
        command = option(command)
    return command


def span_of(since: int | None, until: int | None, source: str | None) -> Span:
    """Return the selected span; options that are left out leave it open."""
    everything = Span()
    return Span(
        everything.since if since is None else since, everything.until if until is None else until, source
    )


def shown(time: int) -> str:
    return moment(time).strftime("%Y-%m-%d %H:%M:%S")
