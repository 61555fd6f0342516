"""Commands against real servers."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource, ConfigResourceType
from pydantic import SecretStr

from runtime.addresses import free_port
from runtime.cells import plain
from runtime.clickhouse import connected, trouble
from runtime.errors import StartError
from runtime.settings import STAGES, ClickHouseSettings
from runtime.topics import admin
from schemas.topics import Topic
from tests.callweave.test_cli import callweave, folder
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import KafkaSettings

__all__ = ["folder"]


@pytest.fixture
def variables(kafka: KafkaSettings, clickhouse: ClickHouseSettings) -> dict[str, str]:
    """Settings that lead to the tests' servers, and ports that are free."""
    return {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "KAFKA__PREFIX": kafka.prefix,
        "CLICKHOUSE__HOST": clickhouse.host,
        "CLICKHOUSE__PORT": str(clickhouse.port),
        "CLICKHOUSE__DATABASE": clickhouse.database,
        "INGEST__PORT": str(free_port()),
        "CONSOLE__PORT": str(free_port()),
        **{f"{stage.upper()}__METRICS_PORT": str(free_port()) for stage in STAGES},
    }


def test_doctor_before_and_after_everything_is_made(folder: Path, variables: dict[str, str]) -> None:
    before = callweave("doctor", **variables)
    assert before.returncode == 1
    bad = {line.split()[1] for line in before.stdout.splitlines() if line.startswith("FAIL")}
    assert bad == {"sources:", "topics:", "migrations:"}
    assert "run `callweave topics`" in before.stdout
    assert "run `callweave migrate`" in before.stdout
    assert "callweave source add" in before.stdout
    assert before.stderr == "callweave: 3 checks failed.\n"

    topics = callweave("topics", **variables)
    assert topics.returncode == 0, topics.stderr
    assert topics.stdout.count("created") == len(Topic)
    assert callweave("topics", **variables).stdout.count("is there") == len(Topic)
    would = callweave("migrate", "--dry-run", **variables).stdout
    assert would.startswith("would apply ")
    applied = callweave("migrate", **variables).stdout
    assert applied == would.replace("would apply", "applied")
    assert callweave("migrate", **variables).stdout == "nothing to apply\n"
    add = ["source", "add", "a", "--account", "a", "--dialect", "common-api", "--timezone", "UTC"]
    assert callweave(*add, **variables).returncode == 0

    after = callweave("doctor", **variables)
    assert after.returncode == 0, after.stdout
    assert "FAIL" not in after.stdout


def test_topics_that_break_the_pipeline_are_exit_status_1(folder: Path, variables: dict[str, str]) -> None:
    assert callweave("topics", **variables, KAFKA__PARTITIONS="2").returncode == 0
    result = callweave("topics", **variables)
    assert result.returncode == 1
    assert "partitions is 2, not 4" in result.stdout
    assert "set kafka.partitions to what is there" in result.stderr
    assert "FAIL  topics: they differ in a way that breaks" in callweave("doctor", **variables).stdout


def test_a_topic_that_is_deliberately_kept_shorter_is_a_warning(
    kafka: KafkaSettings, folder: Path, variables: dict[str, str]
) -> None:
    """The setup of an installation runs `callweave topics`, and goes on only after exit status 0."""
    assert callweave("topics", **variables).returncode == 0
    with admin(kafka) as client:
        name, config = kafka.topic(Topic.RAW), {"retention.ms": "259200000"}
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=config)])
    shorter = "retention.ms is 259200000, not 1209600000"
    eventually(lambda: shorter in callweave("topics", **variables).stdout, "the retention is changed")
    result = callweave("topics", **variables)
    assert result.returncode == 0, result.stderr
    assert "If that is meant, leave it" in result.stderr
    assert "WARN  topics: " in callweave("doctor", **variables).stdout


@pytest.mark.parametrize("arguments", [["topics"], ["migrate"], ["sql", "SELECT 1"], ["doctor"]])
def test_no_server_is_a_clear_sentence_and_no_traceback(folder: Path, arguments: list[str]) -> None:
    port = free_port()
    result = callweave(
        *arguments,
        KAFKA__BOOTSTRAP_SERVERS=f"127.0.0.1:{port}",
        CLICKHOUSE__PORT=str(port),
        CLICKHOUSE__PASSWORD="hunter2-hunter2",
    )
    said = result.stdout + result.stderr
    assert result.returncode == 1
    assert f"at 127.0.0.1:{port} does not answer" in said
    assert "Traceback" not in said
    assert "hunter2" not in said


def sql(variables: dict[str, str], statement: str, form: str) -> str:
    result = callweave("sql", statement, "--format", form, **{**variables, "CLICKHOUSE__DATABASE": "default"})
    assert result.returncode == 0, result.stderr
    return result.stdout


ROW = (
    "SELECT 1 AS n, '[bold]ä\\n,\"' AS t, NULL AS nothing, "
    "toDateTime64('2021-02-09 02:00:03.58', 6, 'UTC') AS at, [1, 2] AS list, "
    "toUInt128('18446744073709551616') AS big"
)


def test_sql_prints_a_table(folder: Path, variables: dict[str, str]) -> None:
    text = sql(variables, ROW, "table")
    assert '│ 1 │ [bold]ä\\n," │ NULL    │ 2021-02-09 02:00:03.58 │ [1, 2] │' in text


def test_sql_prints_a_line_a_column(folder: Path, variables: dict[str, str]) -> None:
    lines = sql(variables, ROW, "vertical").splitlines()
    assert lines[0] == "── row 1"
    assert "at       2021-02-09 02:00:03.58" in lines


def test_sql_prints_json(folder: Path, variables: dict[str, str]) -> None:
    assert json.loads(sql(variables, ROW, "json")) == {
        "n": 1,
        "t": '[bold]ä\n,"',
        "nothing": None,
        "at": "2021-02-09 02:00:03.58",
        "list": [1, 2],
        "big": 2**64,
    }


def test_sql_prints_json_of_what_json_has_no_form_for(folder: Path, variables: dict[str, str]) -> None:
    text = sql(variables, "SELECT map(toDate('2026-01-31'), [nan]) AS m, -inf AS i, unhex('ff') AS b", "json")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "m": {"2026-01-31": ["nan"]},
        "i": "-inf",
        "b": "\\xff",
    }


def test_sql_of_a_type_that_the_driver_can_not_read_is_one_sentence(
    folder: Path, variables: dict[str, str]
) -> None:
    result = callweave("sql", "SELECT toBFloat16(1)", **{**variables, "CLICKHOUSE__DATABASE": "default"})
    assert (result.returncode, result.stdout) == (1, "")
    assert "answers with a column of a type that can't be read: cast it" in result.stderr


def test_sql_prints_csv(folder: Path, variables: dict[str, str]) -> None:
    header, row = csv.reader(sql(variables, ROW, "csv").splitlines())
    assert header == ["n", "t", "nothing", "at", "list", "big"]
    assert row == ["1", '[bold]ä\\n,"', "", "2021-02-09 02:00:03.58", "[1, 2]", str(2**64)]


def test_sql_prints_no_control_characters_in_json(folder: Path, variables: dict[str, str]) -> None:
    text = sql(variables, "SELECT unhex('411B5B324AC29B3141') AS t, 'ä中' AS u", "json")
    assert text.rstrip("\n").isprintable()
    assert json.loads(text) == {"t": "A\x1b[2J\x9b1A", "u": "ä中"}


def test_sql_lets_no_spreadsheet_formula_through(folder: Path, variables: dict[str, str]) -> None:
    texts = ["=1+1", "+7", "-7", "@a", "\t=1", "\r=1", "＝1", "a=1", "7"]
    text = sql(variables, f"SELECT arrayJoin({texts}) AS `=t`, -5 AS number", "csv")
    (header, number), *rows = csv.reader(text.splitlines())
    assert (header, number) == ("'=t", "number")
    assert [cell for cell, _ in rows] == ["'=1+1", "'+7", "'-7", "'@a", "\\t=1", "\\r=1", "'＝1", "a=1", "7"]
    assert {cell for _, cell in rows} == {"-5"}


def test_sql_that_is_wrong_is_one_sentence(folder: Path, variables: dict[str, str]) -> None:
    result = callweave("sql", "SELECT nonsense", **{**variables, "CLICKHOUSE__DATABASE": "default"})
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("callweave: ClickHouse refuses: ")
    assert "nonsense" in line


def test_a_database_that_is_not_there_yet(clickhouse: ClickHouseSettings) -> None:
    with pytest.raises(StartError, match="run `callweave migrate`"), connected(clickhouse) as client:
        client.execute("SELECT 1")


def test_a_wrong_password_is_one_sentence_without_it(clickhouse: ClickHouseSettings) -> None:
    wrong = ClickHouseSettings(
        host=clickhouse.host, port=clickhouse.port, password=SecretStr("hunter2-hunter2")
    )
    with pytest.raises(StartError) as raised, connected(wrong, database="default") as client:
        client.execute("SELECT 1")
    assert str(raised.value) == (
        f"ClickHouse at {clickhouse.host}:{clickhouse.port} refuses the login: "
        "check clickhouse.user and clickhouse.password."
    )


def test_what_a_server_that_hangs_up_is_called() -> None:
    assert "does not answer (EOFError)" in trouble(ClickHouseSettings(), EOFError())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"a\xff", "a\\xff"),
        ("a\x1b[2J\n", "a\\x1b[2J\\n"),
        ((1, None), "[1, NULL]"),
        (0.5, "0.5"),
        ("é", "é"),
    ],
)
def test_values_as_text(value: object, text: str) -> None:
    assert plain(value) == text
