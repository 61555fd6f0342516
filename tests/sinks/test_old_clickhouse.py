"""The oldest ClickHouse that we support takes the same SQL as the embedded one, and makes the same of it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from callweave.clickhouse import MINIMUM_VERSION
from sinks import statements
from tests import servers
from tests.sinks.test_calls import ACCOUNT, generated, written

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from callweave.settings import Settings
    from compose.embedded.clickhouse.node import ClickHouseNode

PACKAGE = "chdb==2.1.1"
"""The release of chdb that carries ClickHouse 24.8."""
CALLS = 300
PARTS = 3
STORED = {"call_records": "calls", "stored_legs": "call_legs"}


@pytest.fixture(scope="session")
def old_python() -> Path:
    """An interpreter with the old engine; built once, since it is large."""
    folder = VAR / "test" / PACKAGE.replace("==", "-")
    python = folder / "bin" / "python"
    if not python.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=folder.parent))
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--relocatable", "--python", sys.executable, building], check=True)
        subprocess.run([*uv, "pip", "install", "--python", building / "bin" / "python", PACKAGE], check=True)
        if folder.exists():  # what an interrupted run left
            shutil.rmtree(folder)
        building.rename(folder)
    return python


def answers(python: Path, queries: list[str]) -> list[str]:
    script = Path(__file__).with_name("old_engine.py")
    ran = subprocess.run(
        [python, script], input=json.dumps(queries), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    read: list[str] = json.loads(ran.stdout)
    return read


def schema() -> list[str]:
    files = (*statements.migrations(), *statements.views())
    return [
        "CREATE DATABASE callweave",
        "USE callweave",
        *(each for file in files for each in file.statements),
    ]


def exported(node: ClickHouseNode, database: str, table: str, folder: Path) -> Path:
    """A table's rows, as ClickHouse writes them for ClickHouse."""
    query = urlencode({"database": database, "query": f"SELECT * FROM {table} FORMAT Native"})
    path = folder / f"{table}.native"
    with urllib.request.urlopen(f"{node.url}/?{query}") as response:
        path.write_bytes(response.read())
    return path


def test_the_old_engine_reads_every_view_as_the_new_one_does(
    old_python: Path,
    new_settings: Settings,
    tmp_path: Path,
) -> None:
    for table in STORED:
        client.execute(f"SYSTEM STOP MERGES {table}")
    written(new_settings, generated(CALLS), random.Random(1))
    queries = ["SELECT version()", *schema()]
    for table in STORED:
        path = exported(clickhouse_node, database, table, tmp_path)
        queries += [
            f"INSERT INTO {table} SELECT * FROM file('{path}', Native) "
            f"WHERE rowNumberInAllBlocks() % {PARTS} = {part} SETTINGS optimize_on_insert = 0"
            for part in range(PARTS)
        ]
    # each column alone as well: engines read only the parts of a table that a query needs
    reading = [
        f"SELECT {', '.join(columns)} FROM {view} ORDER BY account, {key}"
        for view, key in (("calls", "call_id"), ("call_legs", "leg_id"))
        for names in [column_names(client, view)]
        for columns in (names, *([name] for name in names))
    ]
    old = answers(old_python, [*queries, *reading])
    assert tuple(map(int, old[0].strip().split(".")[:2])) == MINIMUM_VERSION
    new = [tab_separated(clickhouse_node, database, query) for query in reading]
    for query, old_answer, new_answer in zip(reading, old[len(queries) :], new, strict=True):
        assert old_answer == new_answer, query
        assert old_answer.count("\n") >= CALLS


def column_names(client: Client, view: str) -> list[str]:
    return [name for name, *_ in client.execute(f"DESCRIBE TABLE {view}")]


def tab_separated(node: ClickHouseNode, database: str, query: str) -> str:
    parameters = urlencode({"database": database, "query": f"{query} FORMAT TabSeparated"})
    with urllib.request.urlopen(f"{node.url}/?{parameters}") as response:
        answer: str = response.read().decode()
    return answer


def test_one_call_is_found_by_the_primary_key_through_the_view(old_python: Path, client: Client) -> None:
    query = f"EXPLAIN indexes = 1 SELECT * FROM calls WHERE account = '{ACCOUNT}' AND call_id = 'x'"
    filled = (
        "INSERT INTO call_records (account, call_id, sources) "
        "SELECT 'other', toString(number), ['one'] FROM numbers(100000)"
    )
    client.execute(filled)
    new = "\n".join(line for (line,) in client.execute(query))
    old = answers(old_python, [*schema(), filled, query])[-1]
    for explained in (new, old):
        assert "Condition: and((" in explained
        assert "Granules: 0/" in explained or "Granules: 1/" in explained, explained
