"""`make run` as a person meets it: the whole pipeline, a callback posted, a stage killed, Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime.addresses import free_port, listening
from runtime.settings import STAGES
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

JARS = Path(__file__).parents[2] / "var" / "jars"
CALL = "SELECT account, call_id, outcome, started_at FROM calls"


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """An installation of the test's own, on free ports."""
    ports = ["CLICKHOUSE__PORT", "CLICKHOUSE__HTTP_PORT", "EMBEDDED__KAFKA_CONTROLLER_PORT", "INGEST__PORT"]
    ports += ["CONSOLE__PORT", *(f"{stage.upper()}__METRICS_PORT" for stage in STAGES)]
    ours = {
        "KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "EMBEDDED__JARS": str(JARS),
        "DATA": str(tmp_path / "data"),
        "SOURCES_FILE": str(tmp_path / "data" / "sources.toml"),
        **{name: str(free_port()) for name in ports},
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("CALLWEAVE_")}
    return others | {f"CALLWEAVE_{name}": value for name, value in ours.items()}


class Run:
    """`python -m compose.run` with its output in a file."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.variables = variables
        self.folder = folder
        self.output = folder / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "compose.run"],
                cwd=folder,
                env=variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text()

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def sql(self, statement: str) -> list[dict[str, str]]:
        command = [sys.executable, "-m", "callweave", "sql", statement, "--format", "json"]
        result = subprocess.run(
            command, cwd=self.folder, env=self.variables, capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in result.stdout.splitlines()]

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture
def runs(tmp_path: Path, variables: dict[str, str]) -> Iterator[Callable[[], Run]]:
    made: list[Run] = []

    def start() -> Run:
        made.append(Run(tmp_path, variables))
        return made[-1]

    yield start
    for run in made:
        run.end()


def curl_lines(said: str) -> list[list[str]]:
    return [shlex.split(line) for line in said.splitlines() if line.startswith("  curl ")]


def pid_that_listens(run: Run, name: str) -> int:
    """The process of a stage: the one whose command line names it and whose parent is the run."""
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(run.process.pid)], capture_output=True, text=True, check=True
    )
    return next(int(line.split()[0]) for line in listed.stdout.splitlines() if f"run {name}" in line)


def assert_refuses_a_second(run: Run, variables: dict[str, str]) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "compose.run"],
        cwd=run.folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"make run: a stack runs on {variables['CALLWEAVE_DATA']} already (process {run.process.pid}): "
        "stop it first.\n"
    )


@pytest.mark.timeout(900)
def open_to_others(data: Path) -> list[Path]:
    """What another user of this machine could read or write."""
    found = (path for path in (data, *data.rglob("*")) if not path.is_symlink())
    return [path for path in found if path.lstat().st_mode & 0o077]


def test_a_newcomer_runs_it_posts_a_sample_kills_a_stage_and_stops_it(
    runs: Callable[[], Run], variables: dict[str, str]
) -> None:
    run = runs()
    run.until(lambda: "callweave runs." in run.said())
    first_curls = curl_lines(run.said())
    assert len(first_curls) == 2

    os.kill(pid_that_listens(run, "sink"), signal.SIGKILL)
    run.until(lambda: "sink ended (killed by SIGKILL); starting it again in 1 s." in run.said())
    for command in first_curls:
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout)["status"] == "accepted"
    run.until(lambda: len(run.sql(CALL)) == 2)
    run.until(lambda: run.sql("SELECT kind FROM call_events WHERE account = 'callweave' LIMIT 1"))
    assert run.sql("SELECT kind, source, text FROM alerts") == []
    rows = {row.pop("account"): row for row in run.sql(CALL)}
    assert rows["demo"] == {
        "call_id": "db4a44cc-aa72-11f0-ad78-1d7ff0749d07",
        "outcome": "unanswered",
        "started_at": "2025-10-16 09:31:13",
    }
    assert rows["demo-pbx"]["outcome"] == "answered"

    assert_refuses_a_second(run, variables)

    assert run.end(signal.SIGINT) == 0, run.said()
    stopped = re.findall(r"^(\w+) stopped", run.said(), re.MULTILINE)
    assert stopped == ["watch", "ingest", "normalize", "correlate", "sink", "console", "ClickHouse", "Kafka"]
    port = int(variables["CALLWEAVE_INGEST__PORT"])
    assert not listening("127.0.0.1", port)

    again = runs()
    again.until(lambda: "callweave runs." in again.said())
    assert curl_lines(again.said()) == first_curls  # the tokens are shown again
    assert len(again.sql(CALL)) == 2  # and the calls are still there
    assert again.end(signal.SIGTERM) == 0, again.said()
    assert open_to_others(Path(variables["CALLWEAVE_DATA"])) == []


def test_ctrl_c_while_it_starts_leaves_nothing_behind(
    runs: Callable[[], Run], variables: dict[str, str]
) -> None:
    run = runs()
    run.until(lambda: "Starting ClickHouse" in run.said())
    assert run.end() == 0, run.said()
    assert "Kafka stopped" in run.said()
    for name in ("CLICKHOUSE__PORT", "INGEST__PORT"):
        assert not listening("127.0.0.1", int(variables[f"CALLWEAVE_{name}"])), f"{name}: {run.said()}"


def test_wrong_settings_end_it_at_once(runs: Callable[[], Run], variables: dict[str, str]) -> None:
    variables["CALLWEAVE_SINK__BATCH_ROWS"] = "0"
    run = runs()
    assert run.process.wait(PATIENCE) == 1
    assert run.said() == "make run: CALLWEAVE_SINK__BATCH_ROWS (sink.batch_rows): must be ≥ 1\n"
