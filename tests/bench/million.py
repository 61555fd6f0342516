"""A million calls of 30 days in ClickHouse: how long dashboards take, and one call by any of its ids.

The calls come in portions, each as its events' records and then its CDRs', as they would from the sink; what
ClickHouse has not merged by itself when it comes to rest is merged by the queries.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from callweave import clickhouse
from callweave.settings import ClickHouseSettings, Settings
from sinks.migrate import migrate
from sinks.statements import split
from tests.bench import machine
from tests.bench.report import Section
from tests.servers import clickhouse_node

if TYPE_CHECKING:
    from clickhouse_driver import Client

CALLS = 1_000_000
QUICK_CALLS = 100_000
PORTIONS = 200
ROUNDS = 7
REST_SECONDS, REST_SHARE = 5.0, 0.02
"""ClickHouse is at rest once it takes no more of a processor than this, for so long."""
STATEMENTS = Path(__file__).with_suffix(".sql")

BY_DAY = ("stored_facts", "stored_leg_times", "stored_arrivals")
ONE_PART_A_DAY = """
SELECT count() = uniqExact(partition) FROM system.parts
WHERE active AND database = currentDatabase() AND table = %(table)s
"""

DASHBOARD_SECONDS = 0.5
LOOKUP_SECONDS = 0.02
"""What is wanted."""

MONTH = "since = '2025-06-15 00:00:00', until = '2025-07-16 00:00:00'"
DASHBOARDS = {
    "calls_by_hour": "SELECT * FROM calls_by_hour",
    "calls_by_extension": "SELECT * FROM calls_by_extension",
    "calls_by_campaign": "SELECT * FROM calls_by_campaign",
    "hangup_causes": "SELECT * FROM hangup_causes",
    "agents, by day": (
        "SELECT extension, toDate(hour) AS day, sum(talk_seconds), sum(ring_seconds), sum(idle_seconds) "
        "FROM agents WHERE account = 'bench' GROUP BY extension, day"
    ),
    "asr": f"SELECT * FROM asr({MONTH})",
    "ner": f"SELECT * FROM ner({MONTH})",
    "abr": f"SELECT * FROM abr({MONTH})",
    "acd": f"SELECT * FROM acd({MONTH})",
    "pdd": f"SELECT * FROM pdd({MONTH})",
    "service_level": f"SELECT * FROM service_level({MONTH}, threshold = 20)",
    "abandoned_rate": f"SELECT * FROM abandoned_rate({MONTH}, campaign = 'campaign-3', seconds = 2)",
    "reconciliation_by_hour": "SELECT * FROM reconciliation_by_hour",
    "source_quality": "SELECT * FROM source_quality",
}
MAIN = (
    "account, call_id, uuid, legs, source, dialect, direction, method, caller, callee, display_number, "
    "extension, agent_id, customer_ref, campaign, round, started_at, rang_at, answered_at, ended_at, "
    "ring_seconds, talk_seconds, outcome, hangup_cause, hangup_direction, recording, state, close_reason"
)
LOOKUPS = {
    "which call a leg belongs to": "SELECT account, call_id FROM stored_legs WHERE leg_id = %(leg)s",
    "its record, by the call's id": (
        "SELECT * FROM call_records FINAL PREWHERE account = 'bench' AND call_id = %(call)s"
    ),
    "its record, by a leg's id": (
        "SELECT * FROM call_records FINAL PREWHERE (account, call_id) IN "
        "(SELECT account, call_id FROM stored_legs WHERE leg_id = %(leg)s)"
    ),
    "how it ended, from calls": (
        "SELECT started_at, outcome, talk_seconds FROM calls WHERE account = 'bench' AND call_id = %(call)s"
    ),
    "its legs, by their ids": (
        "SELECT * FROM call_legs WHERE account = 'bench' AND leg_id IN (%(call)s, %(leg)s)"
    ),
    "its row in calls, the first 28 columns": (
        f"SELECT {MAIN} FROM calls WHERE account = 'bench' AND call_id = %(call)s"
    ),
    "its row in calls, all columns": "SELECT * FROM calls WHERE account = 'bench' AND call_id = %(call)s",
    "the same, as `callweave call` asks": (
        "SELECT * FROM calls WHERE account = 'bench' AND call_id = %(call)s "
        "SETTINGS optimize_move_to_prewhere_if_final = 1"
    ),
}


@dataclass(frozen=True)
class Server:
    """Who is asked."""

    client: Client
    pid: int
    known: dict[str, str]
    """A call's id and its other leg's."""


def bench(folder: Path, *, quick: bool) -> list[Section]:
    """Load, wait for merges to end, ask."""
    calls = QUICK_CALLS if quick else CALLS
    with clickhouse_node(folder / "clickhouse") as node:
        settings = Settings(clickhouse=ClickHouseSettings(port=node.port, query_timeout_seconds=300))
        migrate(settings)
        with clickhouse.connected(settings.clickhouse) as client:
            seconds = fill(client, calls)
            settle(client, node.pid)
            parts = client.execute(
                "SELECT table, count() FROM system.parts WHERE active AND database = currentDatabase() "
                "AND table IN ('call_records', 'stored_facts', 'stored_legs') GROUP BY table ORDER BY table"
            )
            server = Server(client, node.pid, known(client, calls))
            dashboards = [row(server, *each, DASHBOARD_SECONDS) for each in DASHBOARDS.items()]
            lookups = [row(server, *each, LOOKUP_SECONDS) for each in LOOKUPS.items()]
    loaded = f"{calls:,} calls loaded in {seconds:.0f} s; parts: " + ", ".join(
        f"{table} {count}" for table, count in parts
    )
    columns = ("query", "median", "slowest", "of processor", "wanted")
    return [
        Section(
            title=f"Dashboards over {calls:,} calls",
            meaning=(
                f"Each view for all of the 30 days at once, {ROUNDS} times, at the client. SQL put the calls "
                f"into the tables, in {PORTIONS} portions. An hour after a day's last news ClickHouse merges "
                "its parts into one, and here at once."
            ),
            columns=columns,
            rows=dashboards,
            notes=[loaded],
        ),
        Section(
            title=f"One of {calls:,} calls",
            meaning=f"By ids alone, {ROUNDS} times, at the client.",
            columns=columns,
            rows=lookups,
        ),
    ]


def fill(client: Client, calls: int) -> float:
    """Make them; how long it took, in seconds."""
    begun = time.perf_counter()
    count = calls // PORTIONS
    for first in range(0, calls, count):
        text = STATEMENTS.read_text().replace("FIRST,", f"{first},").replace("COUNT)", f"{count})")
        for statement in split(text):
            client.execute(statement)
    return time.perf_counter() - begun


def settle(client: Client, pid: int) -> None:
    """Return once ClickHouse does nothing more by itself, as an hour after the last news."""
    for table in BY_DAY:
        client.execute(f"ALTER TABLE {table} MODIFY SETTING min_age_to_force_merge_seconds = 1")
    for table in BY_DAY:
        while client.execute(ONE_PART_A_DAY, {"table": table}) != [(1,)]:
            time.sleep(1)
    used = 0.0
    while client.execute("SELECT count() FROM system.merges") != [(0,)] or (
        machine.processor_seconds(pid) - used > REST_SHARE * REST_SECONDS
    ):
        used = machine.processor_seconds(pid)
        time.sleep(REST_SECONDS)


def known(client: Client, calls: int) -> dict[str, str]:
    """A call's id and its other leg's."""
    (found,) = client.execute(
        f"SELECT call_id, leg_id FROM stored_legs WHERE leg_id != call_id LIMIT 1 OFFSET {calls // 3}"
    )
    return {"call": found[0], "leg": found[1]}


def row(server: Server, name: str, query: str, wanted: float) -> tuple[str, ...]:
    """A line of the table; the first round, which also reads the files, is left out."""
    server.client.execute(query, server.known)
    taken = []
    used = machine.processor_seconds(server.pid)
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        server.client.execute(query, server.known)
        taken.append(time.perf_counter() - begun)
    used = (machine.processor_seconds(server.pid) - used) / ROUNDS
    figures = (statistics.median(taken), max(taken), used, wanted)
    return name, *(f"{1000 * seconds:,.0f} ms" for seconds in figures)
