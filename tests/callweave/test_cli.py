from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click import BadParameter, Command, Context, FloatRange, Group, Parameter
from click.testing import CliRunner

from callweave.cli import COMMANDS as COMMANDS_BY_NAME
from callweave.cli import group
from runtime import sources
from runtime.settings import IngestSettings
from runtime.sources import SourcesError
from tests.kit import commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kit.commands import Ran

ADD = ("source", "add", "shanghai", "--account", "104026", "--dialect", "common-api")
CHANGE = ("source", "change", "shanghai")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation without any settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CALLWEAVE_")]:
        monkeypatch.delenv(name)
    return tmp_path


def callweave(*arguments: str, **variables: str) -> Ran:
    """Run the command with these settings."""
    return commands.callweave(*arguments, env={f"CALLWEAVE_{name}": text for name, text in variables.items()})


@pytest.mark.parametrize("name", COMMANDS_BY_NAME)
def test_the_summary_in_the_help_is_the_commands_own(name: str) -> None:
    lazy = COMMANDS_BY_NAME[name]
    command = group.get_command(Context(group), name)
    assert command is not None
    assert command.get_short_help_str(limit=1000) == lazy.summary


def test_help_names_every_command() -> None:
    result = CliRunner().invoke(group, ["--help"])
    assert result.exit_code == 0
    names = [
        "account",
        "audit",
        "backfill",
        "call",
        "dial",
        "directory",
        "doctor",
        "migrate",
        "rejected",
        "replay",
    ]
    names += ["run", "schemas", "settings", "simulate", "source", "sql", "subscribe", "tail", "topics"]
    listed = [line.split()[0] for line in result.output.partition("Commands:\n")[2].splitlines()]
    assert [name for name in listed if name] == names


def test_help_imports_nothing_that_is_slow() -> None:
    code = "import sys, callweave.cli; print(*sorted(m for m in sys.modules if '.' not in m))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {
        "kafka",
        "faust",
        "clickhouse_driver",
        "flask",
        "uvloop",
        "rich",
        "structlog",
        "prometheus_client",
    }
    assert slow & set(result.stdout.split()) == set()


@pytest.mark.parametrize("stage", ["ingest", "normalize", "correlate", "sink"])
def test_every_stage_has_its_help(stage: str) -> None:
    result = CliRunner().invoke(group, ["run", stage, "--help"])
    assert result.exit_code == 0
    assert "--metrics-port" in result.output
    assert (" --port" in result.output) is (stage == "ingest")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["run", "nonsense"], ["source", "add"], ["run", "sink", "--metrics-port", "x"]],
)
def test_wrong_usage_is_exit_status_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(group, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.output


@pytest.mark.parametrize("arguments", [["call", "\udcff"], ["source", "remove", "\udcff"], ["\udcff"]])
def test_an_argument_that_is_not_utf_8_is_wrong_usage(arguments: list[str]) -> None:
    result = callweave(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.endswith("Error: An argument is not UTF-8.\n")


def options(command: Command, context: Context) -> Iterator[Parameter]:
    """Every option of a command and of its commands."""
    yield from command.params
    if isinstance(command, Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from options(below, context)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e308"])
def test_no_range_of_numbers_takes_what_is_not_finite_once_it_is_multiplied(text: str) -> None:
    ranges = [each for each in options(group, Context(group)) if isinstance(each.type, FloatRange)]
    assert len(ranges) >= 7
    for each in ranges:
        with pytest.raises(BadParameter):
            each.type.convert(text, each, None)


COMMANDS = [
    ["run", "ingest"],
    ["run", "normalize"],
    ["topics"],
    ["migrate"],
    ["doctor"],
    ["settings"],
    ["sql", "SELECT 1"],
    ["source", "list"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_wrong_settings_are_a_sentence_each_and_exit_status_1(folder: Path, arguments: list[str]) -> None:
    result = callweave(*arguments, INGEST__PORT="99999", CLICKHOUSE__PORT="x")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "callweave: settings: CALLWEAVE_CLICKHOUSE__PORT (clickhouse.port): must be a whole number",
        "callweave: settings: CALLWEAVE_INGEST__PORT (ingest.port): must be ≤ 65535",
    ]


WRITERS = [
    (*ADD, "--timezone", "UTC"),
    ("source", "rotate", "x"),
    ("source", "provider", "x", "--base-url", "http://x"),
]


@pytest.mark.parametrize("arguments", WRITERS)
def test_a_sources_file_that_cant_be_written_is_a_sentence(folder: Path, arguments: tuple[str, ...]) -> None:
    result = callweave(*arguments, SOURCES_FILE="/proc/callweave/sources.toml")
    assert result.returncode == 1
    assert result.stderr == (
        "callweave: /proc/callweave/sources.toml can't be written (No such file or directory): let this user "
        "write there, or set sources_file (CALLWEAVE_SOURCES_FILE) to another path.\n"
    )


def test_settings_shows_what_is_in_force(folder: Path) -> None:
    result = callweave("settings", INGEST__PORT="8081", CLICKHOUSE__PASSWORD="hunter2-hunter2")
    assert result.returncode == 0
    assert "\n# Set by CALLWEAVE_INGEST__PORT.\nport = 8081\n" in result.stdout
    assert 'password = "***"' in result.stdout
    assert "hunter2" not in result.stdout + result.stderr


def test_adding_a_source_prints_the_callback_url_alone(folder: Path) -> None:
    result = callweave(*ADD, "--timezone", "Asia/Shanghai", INGEST__PUBLIC_URL="https://c.example.com/")
    assert result.returncode == 0
    (url,) = result.stdout.splitlines()
    base, _, token = url.rpartition("/")
    assert base == "https://c.example.com/callbacks"
    assert token not in result.stderr
    source = sources.load(folder / "var" / "sources.toml").by_token(token)
    assert source is not None
    assert (source.name, source.account, source.timezone) == ("shanghai", "104026", "Asia/Shanghai")


def test_the_life_of_a_source(folder: Path) -> None:
    first = callweave(*ADD, "--timezone", "UTC", "--close-after", "600").stdout.strip()
    assert first.startswith("http://127.0.0.1:8080/callbacks/")
    voided = callweave("source", "rotate", "shanghai").stdout.strip()
    second = callweave("source", "rotate", "shanghai", "--overlap", "0").stdout.strip()
    assert callweave("source", "rotate", "shanghai", "--overlap", "x").returncode == 2
    assert second != first
    known = sources.load(folder / "var" / "sources.toml")
    assert known.by_token(first.rpartition("/")[2]) is None
    assert known.by_token(voided.rpartition("/")[2]) is None
    assert known.by_token(second.rpartition("/")[2]) is not None
    third = callweave("source", "rotate", "shanghai").stdout.strip()
    known = sources.load(folder / "var" / "sources.toml")
    assert known.by_token(second.rpartition("/")[2]) == known.by_token(third.rpartition("/")[2]) is not None
    assert callweave("source", "pause", "shanghai").returncode == 0
    assert sources.load(folder / "var" / "sources.toml").by_name["shanghai"].paused_at is not None
    assert callweave("source", "resume", "shanghai").returncode == 0
    listed = callweave("source", "list", "--json").stdout
    (row,) = json.loads(listed)
    assert {key: row[key] for key in ("name", "account", "dialect", "timezone", "removed_at")} == {
        "name": "shanghai",
        "account": "104026",
        "dialect": "common-api",
        "timezone": "UTC",
        "removed_at": None,
    }
    table = callweave("source", "list").stdout
    assert "shanghai" in table
    assert row["close_after_seconds"] == 600
    assert "600" in table
    assert "sha256" not in listed + table
    assert second.rpartition("/")[2] not in listed + table
    assert callweave("source", "remove", "shanghai").returncode == 0
    assert sources.load(folder / "var" / "sources.toml").by_token(second.rpartition("/")[2]) is None


@pytest.mark.parametrize(
    "arguments",
    [
        [*ADD, "--timezone", "Mars/Olympus"],
        ["source", "remove", "nobody"],
        ["source", "rotate", "nobody"],
        ["source", "change", "nobody", "--timezone", "UTC"],
        ["source", "add", "x y", "--account", "a", "--dialect", "common-api", "--timezone", "UTC"],
        ["source", "add", "x", "--account", "a", "--dialect", "morse", "--timezone", "UTC"],
        [*ADD, "--timezone", "UTC", "--close-after", "0"],
    ],
)
def test_a_source_that_can_not_be_is_one_sentence(folder: Path, arguments: list[str]) -> None:
    result = callweave(*arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("callweave: ")


def test_a_source_is_changed_under_its_callback_url(folder: Path) -> None:
    runner = CliRunner()
    url = runner.invoke(group, [*ADD, "--timezone", "UTC", "--close-after", "90", "--country", "CN"]).stdout
    first = runner.invoke(group, [*CHANGE, "--timezone", "Asia/Shanghai"])
    assert (first.exit_code, first.stdout) == (0, "")
    assert first.stderr == "shanghai is changed: timezone = Asia/Shanghai; its callback URL stays the same.\n"
    second = runner.invoke(group, [*CHANGE, "--close-after", "none", "--country", "none"])
    assert "close_after_seconds = none, country = none;" in second.stderr
    found = sources.load(folder / "var" / "sources.toml").by_token(url.strip().rpartition("/")[2])
    assert found is not None
    assert (found.timezone, found.close_after_seconds, found.country) == ("Asia/Shanghai", None, None)


@pytest.mark.parametrize(
    "given",
    [("--timezone", "Mars/Olympus"), ("--timezone", "none"), ("--country", "cn"), ("--close-after", "0")],
)
def test_a_change_is_refused_in_the_words_of_add(folder: Path, given: tuple[str, str]) -> None:
    runner = CliRunner()
    refused = runner.invoke(group, [*ADD, "--timezone", "UTC", *given])
    assert runner.invoke(group, [*ADD, "--timezone", "UTC"]).exit_code == 0
    before = (folder / "var" / "sources.toml").read_bytes()
    result = runner.invoke(group, [*CHANGE, *given])
    assert isinstance(result.exception, SourcesError)
    assert str(result.exception) == str(refused.exception)
    assert (folder / "var" / "sources.toml").read_bytes() == before


def test_what_can_be_changed_is_said_when_nothing_is_given() -> None:
    result = CliRunner().invoke(group, CHANGE)
    assert result.exit_code == 2
    assert (
        "Give what is to change: --timezone, --close-after, --charset, --country, --requests-per-second, "
        "--burst." in result.output
    )
    unreadable = CliRunner().invoke(group, [*CHANGE, "--close-after", "never"])
    assert unreadable.exit_code == 2
    assert "'never' is not a valid float" in unreadable.output


def test_no_sources_is_no_error(folder: Path) -> None:
    result = callweave("source", "list")
    assert (result.returncode, result.stdout) == (0, "")
    assert "There are no sources yet" in result.stderr
    assert json.loads(callweave("source", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"host": "::1", "port": 80}, "http://[::1]:80"),
        ({"public_url": "https://x/in"}, "https://x/in"),
    ],
)
def test_how_the_ingress_is_reached(settings: dict[str, Any], url: str) -> None:
    assert IngestSettings(**settings).base_url == url
