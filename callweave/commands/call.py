"""`callweave call`: everything known about one call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from callweave.commands import tables
from operations.timeline import read
from operations.timeline.document import document, masks_of
from operations.timeline.page import Page
from operations.timeline.timeline import timeline
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo_json, echo_styled, visible

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from operations.timeline.model import Match, Whole

MOST_LISTED = 20


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--account", help="The tenant, if several have this id.")
@click.option("--raw", is_flag=True, help="Show the bytes of each callback too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option("--numbers", is_flag=True, help="Show phone numbers and recording links in full.")
def call(id_: str, *, account: str | None, raw: bool, as_json: bool, numbers: bool) -> None:
    """Show one call, found by any of its ids.

    The id may be that of a leg (uuid, buuid, CallID, SubCallID), of an event or of a callback, or the
    customer's reference (customuuid). The page shows the row, the legs, the events with their delays, the
    CDR, gaps, where each value came from, and what late data changed. Only the last two digits of phone
    numbers are shown.
    """
    settings = load()
    with clickhouse.connected(settings.clickhouse) as client:
        whole = _whole(client, id_.strip(), account, raw=raw)
    _show(whole, raw=raw, as_json=as_json, numbers=numbers)


def _whole(client: Client, id_: str, account: str | None, *, raw: bool) -> Whole:
    matches = read.find(client, id_, account)
    if len(matches) > 1:
        raise CallweaveError(_choice(client, matches))
    found = read.whole(client, matches[0], raw=raw) if matches else None
    if found is None:
        # the id is not repeated: it may be a customer's phone number
        where = "" if account is None else " in this account"
        raise CallweaveError(f"No call has this id{where}.")
    return found


def _choice(client: Client, matches: list[Match]) -> str:
    several = len({match.account for match in matches}) > 1
    how = "an account (--account) or a call's own id" if several else "the call's own id"
    many = f"At least {len(matches)}" if len(matches) == read.MOST_MATCHES else str(len(matches))
    lines = [f"{many} calls have this id; give {how}:"]
    for row in read.summaries(client, matches[:MOST_LISTED]):
        began = row["started_at"] or row["first_received_at"]
        told = (row["account"], row["call_id"], f"{began:%Y-%m-%d %H:%M:%S}", row["state"], row["outcome"])
        lines.append("  " + "  ".join(visible(each) for each in told if each))
    return "\n".join(lines)


def _show(whole: Whole, *, raw: bool, as_json: bool, numbers: bool) -> None:
    laid_out = timeline(whole, SystemClock().now())
    masks = masks_of(laid_out, numbers=numbers)
    if as_json:
        echo_json(json.dumps(document(laid_out, masks)))
        return
    console = tables.console()
    with console.capture() as printed:
        for part in Page(laid_out, masks).parts(raw=raw):
            console.print(part)
    echo_styled("\n".join(line.rstrip(" ") for line in printed.get().splitlines()))
