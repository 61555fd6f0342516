"""`callweave rejected`: what was rejected and why, and how to send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import orjson

from callweave.commands import tables
from callweave.commands.replay import send, wait_option
from callweave.commands.spans import shown, span_options
from operations.replay import archive
from operations.replay import rejected as found
from operations.replay.archive import Selection
from operations.timeline.masks import Masks
from runtime import clickhouse
from runtime.cells import plain
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo, echo_json, visible

if TYPE_CHECKING:
    from operations.replay.archive import Archived
    from sinks.span import Span


@click.group()
def rejected() -> None:
    """List, show and redrive rejected callbacks."""


@rejected.command("list")
@span_options
@click.option("--reason", help="Only with a reason of this code.")
@click.option("--json", "as_json", is_flag=True, help="Print an object a line.")
def list_(*, span: Span, reason: str | None, as_json: bool) -> None:
    """Group rejected callbacks by their reasons, the most frequent first."""
    settings = load()
    with clickhouse.connected(settings.clickhouse) as client:
        groups = found.groups(client, _selection(span, reason))
    if as_json:
        for group in groups:
            echo_json(orjson.dumps(group._asdict()))
        return
    rows = [
        [
            group.source or "(none)",
            group.stage,
            ", ".join(group.codes),
            ", ".join(filter(None, group.fields)),
            str(group.callbacks),
            plain(group.first),
            plain(group.last),
            group.example,
        ]
        for group in groups
    ]
    tables.show(
        ["source", "stage", "reasons", "fields", "callbacks", "first", "last", "id of the last"], rows
    )


@rejected.command()
@click.argument("id_", metavar="ID")
@click.option("--raw", is_flag=True, help="Show every byte; without it, numbers and links are masked.")
def show(id_: str, *, raw: bool) -> None:
    """Show a callback: its reasons and its bytes."""
    settings = load()
    with clickhouse.connected(settings.clickhouse, as_bytes=True) as client:
        known = archive.one(client, id_.strip())
    if known is None:
        raise CallweaveError(f"There is no callback {id_}.")
    _show(known, raw=raw)


def _show(known: Archived, *, raw: bool) -> None:
    masks = Masks(raw)
    callback = known.callback
    facts = {
        "id": callback.id,
        "account": callback.account,
        "source": callback.source,
        "kind": callback.kind,
        "received at": shown(callback.received_at),
        "request": f"{callback.method} {callback.content_type}",
        "stored at": f"{known.topic}/{known.partition}/{known.offset}",
        "status": f"rejected by {known.stage}" if known.reasons else "accepted",
    }
    for name, value in facts.items():
        echo(f"{name:12}  {value}")
    if known.reasons:
        tables.show(
            ["field", "reason", "meaning"],
            [[reason.field, reason.code, reason.message] for reason in known.reasons],
        )
    for name, data in (("query", callback.query), ("payload", callback.payload)):
        if data:
            echo(f"{name}:")
            echo(visible(masks.text(data.decode("utf-8", "backslashreplace")), lines=True))


@rejected.command()
@span_options
@click.option("--reason", help="Only with a reason of this code.")
@click.option("--dry-run", is_flag=True, help="Only print what this machine's code would make of them.")
@wait_option
def redrive(*, span: Span, reason: str | None, dry_run: bool, patience: float) -> None:
    """Send rejected callbacks through normalize again, after a source or the code was corrected.

    What is accepted now becomes part of its call, and is accepted in the view callbacks; the rest stays
    rejected. An interrupted redrive is continued when the same one is asked for again; if the code or a
    source has changed since, or another replay was begun, it starts over. Like replay, it first waits until
    normalize and the sink have processed what was received before, and does not see what is in a spool.
    """
    settings = load()
    selection = _selection(span, reason)
    if dry_run:
        fates = found.fates(settings, settings.clickhouse, selection)
        rows = [[source, fate, str(number)] for (source, fate), number in sorted(fates.items())]
        tables.show(["source", "would be", "callbacks"], rows)
    else:
        send(settings, selection, patience)


def _selection(span: Span, reason: str | None) -> Selection:
    return Selection(span, rejected=True, code=reason)
