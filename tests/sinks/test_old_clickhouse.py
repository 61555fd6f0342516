"""The oldest ClickHouse that we support takes the same SQL as the embedded one, and makes the same of it."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from compose.embedded.locks import folder_lock
from runtime.clickhouse import MINIMUM_VERSION
from runtime.settings import ClickHouseSettings, Settings
from sinks import statements
from sinks.migrate import migrate
from tests import servers
from tests.scale import scaled
from tests.sinks import views
from tests.sinks.folded import VERSIONS_BEGIN
from tests.sinks.test_calls import ACCOUNT, generated, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compose.embedded.clickhouse.node import ClickHouseNode

PACKAGE = "chdb==2.1.1"
"""The release of chdb that carries ClickHouse 24.8."""
CALLS = scaled(100, 300)
APART = scaled(6, 1)
"""Every column whose number is a multiple of this is also read alone."""
PARTS = 3
DASHBOARDS = (
    "agent_spells",
    "calls_by_hour",
    "calls_by_extension",
    "calls_by_campaign",
    "hangup_causes",
    "agents",
    "asr",
    "ner",
    "abr",
    "acd",
    "pdd",
    "service_level",
    "abandoned_rate",
    "calls_local",
    "call_figures",
    "caller_figures",
    "missed_callers",
    "calls_by_hour_local",
    "calls_by_extension_local",
    "agents_local",
    "agents_between",
    "reconciliation_by_hour",
    "source_quality",
)
UNMOVED = tuple(view for view in DASHBOARDS if not view.startswith("agents"))
"""Whose answers are compared under a reader's settings too: of `agents` there are a million rows."""
STORED = ("stored_calls", "stored_legs", "stored_events")


@pytest.fixture(scope="session")
def old_python() -> Path:
    """An interpreter with the old engine; built once, since it is large."""
    folder = servers.JARS.parent / "test" / PACKAGE.replace("==", "-")
    python = folder / "bin" / "python"
    with folder_lock(folder.parent, lambda: None):  # another worker may build it
        if not python.exists():
            _build(folder)
    return python


def _build(folder: Path) -> None:
    building = Path(tempfile.mkdtemp(dir=folder.parent))
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--relocatable", "--python", sys.executable, building], check=True)
    subprocess.run([*uv, "pip", "install", "--python", building / "bin" / "python", PACKAGE], check=True)
    if folder.exists():  # what an interrupted run left
        shutil.rmtree(folder)
    building.rename(folder)


def answers(python: Path, queries: list[str]) -> list[str]:
    script = Path(__file__).with_name("old_engine.py")
    ran = subprocess.run(
        [python, script], input=json.dumps(queries), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    read: list[str] = json.loads(ran.stdout)
    return read


def schema() -> list[str]:
    """Return the statements that `migrate` would run on that release."""
    files = (*statements.migrations(), *statements.views(statements.LATER))
    return [
        "CREATE DATABASE callweave",
        "USE callweave",
        *(each for file in files for each in file.statements),
    ]


class Embedded:
    """The new engine, asked by HTTP: it answers in the formats that the old one reads and writes."""

    def __init__(self, node: ClickHouseNode) -> None:
        self.node = node
        self.settings = Settings(clickhouse=ClickHouseSettings(port=node.port))

    def ask(self, query: str) -> bytes:
        parameters = urlencode({"database": self.settings.clickhouse.database, "query": query})
        with urllib.request.urlopen(f"{self.node.url}/?{parameters}", data=b"") as response:
            answer: bytes = response.read()
        return answer

    def columns(self, view: str) -> list[str]:
        described = self.ask(f"DESCRIBE TABLE {view} FORMAT TabSeparated").decode()
        return [line.split("\t")[0] for line in described.splitlines()]


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    with servers.clickhouse_node(tmp_path / "clickhouse") as node:
        embedded = Embedded(node)
        migrate(embedded.settings)
        yield embedded


def test_the_old_engine_reads_every_view_as_the_new_one_does(
    old_python: Path, embedded: Embedded, tmp_path: Path
) -> None:
    for table in STORED:
        embedded.ask(f"SYSTEM STOP MERGES {table}")
    embedded.ask(VERSIONS_BEGIN)
    written(embedded.settings, generated(CALLS), random.Random(1))
    whole = views.reading()
    queries = ["SELECT version()", *schema(), VERSIONS_BEGIN]
    for table in STORED:
        path = tmp_path / f"{table}.native"
        path.write_bytes(embedded.ask(f"SELECT * FROM {table} FORMAT Native"))
        queries += [
            f"INSERT INTO {table} SELECT * FROM file('{path}', Native) "
            f"WHERE cityHash64(formatRow('TSV', *)) % {PARTS} = {part} SETTINGS optimize_on_insert = 0"
            for part in range(PARTS)
        ]
    reading = [
        *columns_read(embedded),
        "SELECT * FROM call_changes ORDER BY account, call_id, revision, field",
        f"{whole['calls_as_of']} ORDER BY account, call_id",
    ]
    dashboards = [f"{whole[view]} ORDER BY ALL" for view in DASHBOARDS]
    theirs = ", ".join(f"{name} = {value}" for name, value in views.OF_A_READER.items())
    unmoved = [f"{whole[view]} ORDER BY ALL SETTINGS {theirs}" for view in UNMOVED]
    old = answers(old_python, [*queries, *reading, *unmoved, *dashboards])
    assert tuple(map(int, old[0].strip().split(".")[:2])) == MINIMUM_VERSION
    shown = old[-len(dashboards) :]
    read = old[len(queries) : -len(dashboards) - len(unmoved)]
    plain = dict(zip(DASHBOARDS, shown, strict=True))
    for view, answer in zip(UNMOVED, old[-len(dashboards) - len(unmoved) : -len(dashboards)], strict=True):
        assert [*map(cells, answer.splitlines())] == [*map(cells, plain[view].splitlines())], view
    for query, answer in zip(reading, read, strict=True):
        assert answer.count("\n") >= CALLS
        assert answer == embedded.ask(f"{query} FORMAT TabSeparated").decode(), query
    for query, answer in zip(dashboards, shown, strict=True):
        told = embedded.ask(f"{query} FORMAT TabSeparated").decode()
        for line, ours in zip(answer.splitlines(), told.splitlines(), strict=True):  # of `agents` a million
            assert line == ours or cells(line) == cells(ours), query
    assert all(shown[:5])


def columns_read(embedded: Embedded) -> list[str]:
    """Read all columns together, and some alone: an engine reads only those parts that a query needs."""
    return [
        f"SELECT {', '.join(columns)} FROM {view} ORDER BY account, {key}"
        for view, key in (("calls", "call_id"), ("call_legs", "leg_id"), ("call_events", "event_id"))
        for names in [embedded.columns(view)]
        for columns in (names, *([name] for name in names[::APART]))
    ]


def cells(line: str) -> list[Any]:
    """With decimals as nearly: their sums depend on the order of rows."""
    return [near(cell) for cell in line.split("\t")]


def near(cell: str) -> Any:
    return pytest.approx(float(cell), rel=1e-9) if re.fullmatch(r"-?\d+\.\d+", cell) else cell


def test_one_call_is_found_by_the_primary_key_through_the_view(old_python: Path, embedded: Embedded) -> None:
    query = f"EXPLAIN indexes = 1 SELECT * FROM calls WHERE account = '{ACCOUNT}' AND call_id = 'x'"
    filled = (
        "INSERT INTO stored_calls (account, day, call_id, version) "
        "SELECT 'other', '2024-03-04', toString(number), 1 FROM numbers(100000)"
    )
    embedded.ask(filled)
    old = answers(old_python, [*schema(), filled, query])[-1]
    for explained in (old, embedded.ask(f"{query} FORMAT TabSeparated").decode()):
        assert "Condition: and((" in explained
        assert "Granules: 0/" in explained or "Granules: 1/" in explained, explained
