"""`callweave tail`: calls as they happen."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import click

from operations.timeline import masks
from operations.timeline.follow import follow
from operations.timeline.live import Live, Wanted, digits
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo, visible
from schemas.records import Record
from schemas.times import SECOND, moment
from schemas.versions import NewerVersionError

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

    from operations.timeline.live import Line


@click.command()
@click.option("--account", help="Only calls of this tenant.")
@click.option("--number", help="Only calls whose caller or callee ends in these digits.")
@click.option("--extension", help="Only calls with this extension.")
@click.option("--source", help="Only calls from this source.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line, for programs.")
@click.option("--numbers", is_flag=True, help="Show phone numbers in full.")
def tail(*, number: str | None, as_json: bool, numbers: bool, **wanted: str | None) -> None:
    """Print a line whenever what is known of a call changes.

    Runs until Ctrl-C. Only the last two digits of phone numbers are shown. Times are UTC.
    """
    if number is not None and not digits(number):
        raise click.BadParameter("must have a digit other than 0", param_hint="--number")
    settings = load()

    live = Live(Wanted(number=number, **wanted))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with closing(follow(settings.kafka, lambda text: echo(f"callweave: {text}", err=True))) as messages:
            for message in messages:
                _print(live, message, as_json=as_json, numbers=numbers)
    except KeyboardInterrupt:
        echo(err=True)  # after ^C the shell's prompt starts on a new line


def _print(live: Live, message: ConsumerRecord, *, as_json: bool, numbers: bool) -> None:
    if message.value is None:
        return
    try:
        line = live.news(Record.from_json(message.value), message.timestamp * 1_000)
    except NewerVersionError as error:
        raise CallweaveError(str(error)) from None
    except ValueError:
        where = f"{message.topic} {message.partition} {message.offset}"
        echo(f"callweave: skipped a message that is not a record of a call: {where}", err=True)
        return
    if line is not None:
        echo(_json(line, numbers=numbers) if as_json else _text(line, numbers=numbers))


def _text(line: Line, *, numbers: bool) -> str:
    time = moment(line.at)
    told = [f"{time:%Y-%m-%d %H:%M:%S}", line.account, line.call_id, f"{line.state:<9}"]
    if line.state == "gone":
        told.append("is a part of another call")
    else:
        told.append(f"{_number(line.caller, numbers=numbers)} → {_number(line.callee, numbers=numbers)}")
        told += _about(line)
    return visible("  ".join(told)).rstrip()


def _about(line: Line) -> list[str]:
    told = {
        "ext": line.extension,
        "": line.outcome or None,
        "ring": None if line.ring_time is None else f"{line.ring_time / SECOND:g} s",
        "talk": None if line.talk_time is None else f"{line.talk_time / SECOND:g} s",
        "closed:": line.close_reason or None,
    }
    return [f"{name} {value}".strip() for name, value in told.items() if value is not None]


def _json(line: Line, *, numbers: bool) -> str:
    """Write a line as JSON with keys of the view `calls`; keys are added, never renamed."""

    def seconds(us: int | None) -> float | None:
        return None if us is None else us / SECOND

    time = moment(line.at)
    return json.dumps(
        {
            "at": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "account": line.account,
            "call_id": line.call_id,
            "state": line.state,
            "caller": None if line.caller is None else _number(line.caller, numbers=numbers),
            "callee": None if line.callee is None else _number(line.callee, numbers=numbers),
            "extension": line.extension,
            "outcome": line.outcome,
            "ring_seconds": seconds(line.ring_time),
            "talk_seconds": seconds(line.talk_time),
            "close_reason": line.close_reason,
        }
    )


def _number(value: str | None, *, numbers: bool) -> str:
    return "?" if value is None else value if numbers else masks.number(value)
