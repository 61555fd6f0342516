"""A million calls of 40 days in ClickHouse, or ten million of 400: how long questions take, and single calls.

The simulated provider makes the calls of the first days, and several processes load them
(tests/bench/simulated_calls.py), each in portions of consecutive time, as the sink would. Those of the days
after them are copies with ids of their own (tests/bench/copies.py).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from runtime import clickhouse
from runtime.settings import ClickHouseSettings, Settings
from schemas.times import microseconds
from simulator.schedule import Span
from sinks.migrate import migrate
from tests.bench import machine
from tests.bench.copies import copy
from tests.bench.report import Section
from tests.bench.simulated_calls import Totals
from tests.servers import clickhouse_node

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from clickhouse_driver import Client

    from compose.embedded.clickhouse.node import ClickHouseNode

CALLS = 50_000
QUICK_CALLS = 5_000
DAYS = 2
COPIES = 19
MANY_COPIES = 199
"""With these there are a million calls, or ten million."""
SPAN = Span(
    microseconds(datetime(2025, 6, 15, tzinfo=UTC)), microseconds(datetime(2025, 6, 15 + DAYS, tzinfo=UTC))
)
POLL_SECONDS = 0.2
FIRST_ROUNDS = 5
"""In the first ClickHouse reads the files, and in the fourth it compiles each query's expressions."""
ROUNDS = 7
REFERENCE = "SELECT sum(cityHash64(number)) FROM numbers_mt(50000000)"
"""Takes both cores and nothing else: asked beside each query, it says how quick the machine is just then."""
REST_SECONDS, REST_SHARE = 5.0, 0.02
"""ClickHouse is at rest once it takes no more of a processor than this, for so long."""

BY_DAY = ("stored_calls", "stored_legs", "stored_events")
ONE_PART_A_DAY = """
SELECT count() = uniqExact(partition) FROM system.parts
WHERE active AND database = currentDatabase() AND table = %(table)s
"""

DASHBOARD_SHARE, LOOKUP_SHARE = 4.0, 1.0
"""What is wanted: to the reference."""
MANY_SHARE = 20.0
"""What is wanted of dashboards and questions over ten million calls."""
ONE_DAY = "agents of one day"
"""The only dashboard that may take no longer with ten million calls than with one."""

MONTH = "since = '2025-06-15 00:00:00', until = '2026-07-16 00:00:00'"
DASHBOARDS = {
    "calls_by_hour": "SELECT * FROM calls_by_hour",
    "calls_by_extension": "SELECT * FROM calls_by_extension",
    "calls_by_campaign": "SELECT * FROM calls_by_campaign",
    "hangup_causes": "SELECT * FROM hangup_causes",
    "agents, by day": (
        "SELECT extension, toDate(hour) AS day, sum(talk_seconds), sum(ring_seconds), sum(idle_seconds) "
        "FROM agents WHERE account = 'bench' GROUP BY extension, day"
    ),
    ONE_DAY: ("SELECT * FROM agents_between(since = '2025-06-18 00:00:00', until = '2025-06-19 00:00:00')"),
    "asr": f"SELECT * FROM asr({MONTH})",
    "ner": f"SELECT * FROM ner({MONTH})",
    "abr": f"SELECT * FROM abr({MONTH})",
    "acd": f"SELECT * FROM acd({MONTH})",
    "pdd": f"SELECT * FROM pdd({MONTH})",
    "service_level": f"SELECT * FROM service_level({MONTH}, threshold = 20)",
    "abandoned_rate": f"SELECT * FROM abandoned_rate({MONTH}, campaign = %(campaign)s, seconds = 2)",
    "reconciliation_by_hour": "SELECT * FROM reconciliation_by_hour",
    "source_quality": "SELECT * FROM source_quality",
}
QUESTIONS = {
    "talk by campaign": "SELECT campaign, sum(talk_seconds) FROM calls GROUP BY campaign",
    "the last 20 calls": (
        "SELECT call_id, started_at, caller, callee, outcome FROM calls ORDER BY started_at DESC LIMIT 20"
    ),
    "one day by agent": (
        "SELECT agent_id, count(), sum(talk_seconds) FROM calls "
        "WHERE began_at >= '2025-06-20 00:00:00' AND began_at < '2025-06-21 00:00:00' GROUP BY agent_id"
    ),
    "calls of one number": (
        "SELECT call_id, started_at, outcome FROM calls WHERE caller = %(number)s OR callee = %(number)s"
    ),
    "by hour and outcome": "SELECT toHour(began_at) AS at, outcome, count() FROM calls GROUP BY at, outcome",
    "by the caller's first digits": "SELECT left(caller, 4) AS first, count() FROM calls GROUP BY first",
    "the longest": "SELECT call_id, talk_seconds FROM calls ORDER BY talk_seconds DESC NULLS LAST LIMIT 10",
    "calls of a campaign by round": (
        "SELECT round, count() FROM calls WHERE campaign = %(campaign)s GROUP BY round ORDER BY round"
    ),
    "open calls": "SELECT call_id, started_at FROM calls WHERE outcome = '' AND close_reason = ''",
    "a free-text reference": "SELECT call_id, outcome FROM calls WHERE customer_ref LIKE '%%42%%'",
}
LOOKUPS = {
    "its row in calls, all columns, by the call's id": (
        "SELECT * FROM calls WHERE account = 'bench' AND call_id = %(call)s"
    ),
    "the same, by a leg's id": (
        "SELECT * FROM calls WHERE (account, day, call_id) IN "
        "(SELECT account, day, call_id FROM call_ids WHERE id = %(leg)s)"
    ),
    "its legs": "SELECT * FROM call_legs WHERE account = 'bench' AND call_id = %(call)s",
}


@dataclass(frozen=True)
class Server:
    """Who is asked."""

    client: Client
    pid: int
    known: dict[str, str]
    """What queries ask for by name."""


DASHBOARDS_MEANING = (
    f"Each view for all of the days at once, at the client: the slowest of the first {FIRST_ROUNDS}, "
    f"and the {ROUNDS} after them. The calls are the simulated provider's, misbehaving as in "
    "`make demo`; their callbacks went through the normalizer's and the sink's own code, without Kafka. "
    "An hour after a day's last news ClickHouse merges its parts into one; here that happens at once. "
    f"The queries take turns with the reference, `{REFERENCE}`, which takes both cores and nothing else."
)


def ten(folder: Path, *, quick: bool) -> list[Section]:
    """Ten million."""
    return bench(folder, quick=quick, copies=MANY_COPIES, share=MANY_SHARE)


def bench(
    folder: Path, *, quick: bool, copies: int = COPIES, share: float = DASHBOARD_SHARE
) -> list[Section]:
    """Load, copy, wait for merges to end, ask."""
    first = QUICK_CALLS if quick else CALLS
    calls = first * (copies + 1)
    with clickhouse_node(folder / "clickhouse") as node:
        settings = Settings(clickhouse=ClickHouseSettings(port=node.port, query_timeout_seconds=300))
        migrate(settings)
        with clickhouse.connected(settings.clickhouse) as client:
            begun = time.perf_counter()
            totals = fill(node, first)
            seconds = time.perf_counter() - begun
            check(client, totals)
            for number in range(1, copies + 1):
                copy(client, number, DAYS)
            settle(client, node.pid)
            parts = client.execute(
                "SELECT table, count() FROM system.parts WHERE active AND database = currentDatabase() "
                "AND table IN ('stored_calls', 'stored_legs', 'stored_events') GROUP BY table ORDER BY table"
            )
            server = Server(client, node.pid, known(client))
            dashboards = [
                row(server, name, query, DASHBOARD_SHARE if name == ONE_DAY else share)
                for name, query in DASHBOARDS.items()
            ]
            questions = [row(server, *each, share) for each in QUESTIONS.items()]
            lookups = [row(server, *each, LOOKUP_SHARE) for each in LOOKUPS.items()]
    return sections(calls, totals, parts, seconds, (dashboards, questions, lookups))


def sections(
    calls: int,
    totals: Totals,
    parts: list[tuple[str, int]],
    seconds: float,
    rows: Sequence[list[tuple[str, ...]]],
) -> list[Section]:
    columns = (
        *("query", "at first", "median", "slowest", "reference", "processor", "reference's", "to it"),
        *("by processor", "wanted"),
    )
    dashboards, questions, lookups = rows
    return [
        Section(
            title=f"Dashboards over {calls:,} calls",
            meaning=DASHBOARDS_MEANING,
            columns=columns,
            rows=dashboards,
            notes=[
                f"Of {DAYS} days, {totals.calls:,} calls were heard of, in {totals.callbacks:,} callbacks: "
                f"{totals.rejected:,} malformed, the others' {totals.callbacks - totals.rejected:,} events "
                f"written too; {totals.closed:,} calls lack their end. Loaded in {seconds:.0f} s, in "
                f"{totals.portions} portions.",
                "Parts: " + ", ".join(f"{table} {count}" for table, count in parts) + ".",
            ],
        ),
        Section(
            title=f"Questions about {calls:,} calls",
            meaning="What nobody has foreseen, on the view `calls`.",
            columns=columns,
            rows=questions,
        ),
        Section(
            title=f"One of {calls:,} calls",
            meaning="The same tables. Each question asks for one call, by its own id or by the id of a leg.",
            columns=columns,
            rows=lookups,
        ),
    ]


def fill(node: ClickHouseNode, calls: int) -> Totals:
    """Load them by as many processes as there are cores; RuntimeError if one of these fails."""
    shares = [calls // machine.cores()] * machine.cores()
    shares[0] += calls - sum(shares)
    loaders = [loader(node, seed, share) for seed, share in enumerate(shares, 1)]
    try:
        statuses: list[int | None] = [None]
        while None in statuses and not any(statuses):
            time.sleep(POLL_SECONDS)
            statuses = [each.poll() for each in loaders]
        if any(statuses):
            raise RuntimeError("a loader failed: its error stands above")
        said = [Totals(**orjson.loads(each.communicate()[0])) for each in loaders]
    finally:
        for each in loaders:
            each.kill()
            each.wait()
    return sum(said, Totals())


def loader(node: ClickHouseNode, seed: int, calls: int) -> subprocess.Popen[bytes]:
    """A process that loads the calls of one seed."""
    command = [sys.executable, "-m", "tests.bench.simulated_calls", node.host, str(node.port), node.database]
    return subprocess.Popen(
        [*command, str(seed), str(calls), str(SPAN.begin), str(SPAN.end)], stdout=subprocess.PIPE
    )


def check(client: Client, totals: Totals) -> None:
    """RuntimeError unless there are as many calls as were loaded: ids of two loaders must not meet."""
    ((found,),) = client.execute("SELECT uniqExact(account, call_id) FROM calls")
    if found != totals.calls:
        raise RuntimeError(f"{totals.calls} calls were loaded, and {found} are there")


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


def known(client: Client) -> dict[str, str]:
    """A call of two legs with its ids, any called number, and the campaign with the most calls."""
    ((call, leg),) = client.execute(
        "SELECT call_id, arrayFirst(id -> id != call_id, legs) FROM calls "
        "WHERE length(legs) = 2 ORDER BY cityHash64(call_id) LIMIT 1"
    )
    ((number,),) = client.execute(
        "SELECT DISTINCT assumeNotNull(callee) AS number FROM calls WHERE isNotNull(callee) "
        "ORDER BY cityHash64(number) LIMIT 1"
    )
    ((campaign,),) = client.execute(
        "SELECT campaign FROM calls WHERE isNotNull(campaign) "
        "GROUP BY campaign ORDER BY count() DESC, campaign LIMIT 1"
    )
    return {"call": call, "leg": leg, "campaign": campaign, "number": number}


def row(server: Server, name: str, query: str, wanted: float) -> tuple[str, ...]:
    """A line of the table."""
    at_first = max(_taken(server, query)[0] for _ in range(FIRST_ROUNDS))
    rounds = [(_taken(server, REFERENCE), _taken(server, query)) for _ in range(ROUNDS)]
    beside, beside_used, taken, used = (
        [each[of][what] for each in rounds] for of in (0, 1) for what in (0, 1)
    )
    medians = [statistics.median(each) for each in (taken, beside, used, beside_used)]
    ratios = (f"{medians[0] / medians[1]:.2f}", f"{medians[2] / medians[3]:.2f}")
    figures = (at_first, medians[0], max(taken), *medians[1:])
    return name, *map(_milliseconds, figures), *ratios, f"{wanted:.0f}"


def _taken(server: Server, query: str) -> tuple[float, float]:
    """Seconds by the clock, and of the server's processors."""
    begun, before = time.perf_counter(), machine.processor_seconds(server.pid)
    server.client.execute(query, server.known)
    return time.perf_counter() - begun, machine.processor_seconds(server.pid) - before


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms"
