"""Dashboards that group by a stored key say what their own text says, and read no other account's calls."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runtime import clickhouse
from schemas.times import microseconds
from sinks import grouped, statements
from tests.rows import select
from tests.sinks.views import reading

if TYPE_CHECKING:
    from runtime.settings import Settings

SEED = 11
CALLS = 12_000
ACCOUNTS = ("a", "ab", "b")
START = datetime(2026, 3, 28, 22, tzinfo=UTC)

COLUMNS = (
    "account", "call_id", "day", "version", "is_gone", "started_at", "first_received_at", "source", "dialect",
    "direction", "extension", "campaign", "callee", "outcome", "state", "hangup_cause", "hangup_direction",
    "talk_seconds", "ring_seconds",
)  # fmt: skip

# what a sender may write as it likes, line feeds and separators of ours among it
ODD = (None, "", "200", "2\n00", "\n", "spring", "a\nb\nc", "été", "'; --", "\\n")


def row(draw: random.Random, number: int) -> tuple[Any, ...]:
    at = START + timedelta(seconds=draw.randrange(86400))
    began = draw.choice((None, microseconds(at), microseconds(at)))
    return (
        draw.choice(ACCOUNTS),
        f"call-{number}",
        at.date(),
        draw.randrange(1, 4),
        draw.random() < 0.1,
        began,
        microseconds(at),
        draw.choice(("shop", "pbx", "shop-2")),
        draw.choice(("common-api", "cdr\nold", "")),
        draw.choice((None, "inbound", "outbound")),
        draw.choice(ODD),
        draw.choice(ODD),
        draw.choice(ODD),
        draw.choice(("", "answered", "unanswered", "busy", "congestion")),
        draw.choice(("complete", "ringing", "requested")),
        draw.choice((None, 0, 16, -1, 2**62)),
        draw.choice((None, 0, 1)),
        draw.choice((None, 0.0, 12.5)),
        draw.choice((None, 3.25, 40.0)),
    )


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    draw = random.Random(SEED)
    rows = [row(draw, draw.randrange(CALLS)) for _ in range(CALLS)]
    texts = statements.queries()
    with clickhouse.connected(module_settings.clickhouse) as client:
        client.execute(f"INSERT INTO stored_calls ({', '.join(COLUMNS)}) VALUES", rows)
        for name in grouped.KEYS:
            written = texts[name].replace(f"VIEW {name}\n", f"VIEW {name}_as_written\n")
            client.execute(written.rstrip(";\n"))
        client.execute("OPTIMIZE TABLE stored_calls FINAL")
    return module_settings


ASKED = {
    "account": "account = 'ab'",
    "direction": "direction != 'inbound'",
    "source": "source IN ('pbx', 'shop-2')",
    "hour": "hour >= '2026-03-29 05:00:00'",
    "day": "day = '2026-03-28'",
    "extension": "extension = '2\\n00'",
    "campaign": "position(campaign, '\\n') > 0",
    "line": "line = ''",
    "hangup_cause": "ifNull(hangup_cause, -7) IN (-7, -1)",
    "hangup_direction": "isNull(hangup_direction)",
    "outcome": "outcome = 'busy'",
    "dialect": "dialect = 'cdr\\nold'",
}
"""A condition on each column that is part of a key."""


@pytest.mark.parametrize("name", grouped.KEYS)
def test_grouped_by_a_key_it_tells_what_its_text_says(settings: Settings, name: str) -> None:
    query = reading()[name]
    for condition in ("", *(f" WHERE {ASKED[part]}" for part in grouped.KEYS[name].parts)):
        asked = f"{query}{condition}"
        found = select(settings, asked)
        assert found, asked
        written = select(settings, asked.replace(f"FROM {name}", f"FROM {name}_as_written"))
        assert sorted(map(repr, found)) == sorted(map(repr, written)), asked


CONDITIONS = ("account = 'nobody'", "account = 'b'", "account IN ('b', 'c')", "startsWith(account, 'b')")


def marks(settings: Settings, query: str) -> int:
    """How many granules of the tables a query reads."""
    return sum(each["marks"] for each in select(settings, f"EXPLAIN ESTIMATE {query}"))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("name", grouped.KEYS)
def test_of_other_accounts_it_reads_no_more_than_its_text_would(
    settings: Settings, name: str, condition: str
) -> None:
    query = f"{reading()[name]} WHERE {condition}"
    written = query.replace(f"FROM {name}", f"FROM {name}_as_written")
    assert marks(settings, query) <= marks(settings, written)


@pytest.mark.parametrize("name", ["asr", "calls_by_hour", "service_level", "reconciliation_by_hour"])
def test_a_condition_on_the_account_reads_no_other_account(settings: Settings, name: str) -> None:
    query = reading()[name]
    nobodys, one, whole = (
        marks(settings, f"{query}{condition}")
        for condition in (" WHERE account = 'nobody'", " WHERE account = 'b'", "")
    )
    assert nobodys == 0 < one < whole


@pytest.mark.parametrize("name", grouped.KEYS)
def test_a_dashboard_that_groups_by_something_else_is_refused(name: str) -> None:
    texts = statements.queries()
    texts[name] = texts[name].replace("GROUP BY account, ", "GROUP BY ")
    with pytest.raises(ValueError, match=f"{name}.sql has changed"):
        grouped.render(texts)
