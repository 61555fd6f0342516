"""How two sets of tables differ, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operations.replay import changes
from operations.timeline.masks import Masks
from runtime import clickhouse
from runtime.cells import json_of, plain
from runtime.terminal import echo, echo_json

if TYPE_CHECKING:
    from operations.replay.archive import Selection
    from operations.replay.changes import Change
    from runtime.settings import Settings


def show(
    settings: Settings, selection: Selection, database: str, *, as_json: bool, numbers: bool, limit: int
) -> None:
    """Print how the two databases differ: at most `limit` calls, and how many there are."""
    found = 0
    with clickhouse.connected(settings.clickhouse) as client:
        for each in changes.calls(client, settings.clickhouse.database, database, selection.span):
            found += 1
            if found <= limit:
                print_change(each, as_json=as_json, numbers=numbers)
        moved = changes.statuses(client, settings.clickhouse.database, database)
    for (was, now), number in sorted(moved.items()):
        echo(f"{number} callbacks would be {now} that are {was}.", err=as_json)
    echo(f"{found} calls would differ{_rest(found, limit)}.", err=as_json)


def _rest(found: int, limit: int) -> str:
    return f", the first {limit} are shown" if found > limit else ""


def print_change(change: Change, *, as_json: bool, numbers: bool) -> None:
    masks = Masks(numbers)
    shown = [
        (name, masks.value(name, before), masks.value(name, after)) for name, before, after in change.fields()
    ]
    if as_json:
        document = {
            "account": change.account,
            "call_id": change.call_id,
            "what": change.what,
            "fields": {name: {"before": before, "after": after} for name, before, after in shown},
        }
        echo_json(json_of(document))
        return
    echo(f"{change.account} {change.call_id} {change.what}")
    for name, before, after in shown:
        echo(f"    {name}: {plain(before)} -> {plain(after)}")
