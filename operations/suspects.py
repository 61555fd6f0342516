"""Ids that tied too many calls together, as a sentence for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime import clickhouse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_driver import Client

    from runtime.settings import Settings

NAMED = 5
"""At most this many are named in a sentence."""

QUESTION = """
SELECT id, source
FROM suspect_ids
WHERE last_at > now() - toIntervalDay(7)
ORDER BY last_at DESC, id
"""
LEGS = "SELECT DISTINCT account, id FROM stored_suspects"


def legs(settings: Settings) -> set[tuple[str, str]]:
    """All of them, each with its account: they tie nothing when calls are folded anew."""
    with clickhouse.connected(settings.clickhouse) as client:
        return set(client.execute(LEGS))


def found(settings: Settings) -> list[tuple[str, str]]:
    """Ids and their sources that had events in the last week, the latest first."""
    with clickhouse.connected(settings.clickhouse) as client:
        return asked(client)


def asked(client: Client) -> list[tuple[str, str]]:
    """The same, of a connection."""
    rows: list[tuple[str, str]] = client.execute(QUESTION)
    return rows


def sentence(suspects: Sequence[tuple[str, str]]) -> str:
    """Say which they are, and what to do."""
    named = ", ".join(f"{name} of {source}" for name, source in suspects[:NAMED])
    more = f" and {len(suspects) - NAMED} more" if len(suspects) > NAMED else ""
    return (
        f"{named}{more} came in callbacks of too many calls, and no longer tie them together: ask the sender "
        "why, and see the view suspect_ids."
    )
