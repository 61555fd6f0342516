from __future__ import annotations

import shlex
import stat
from typing import TYPE_CHECKING

import click
import httpx
import pytest
from click.testing import CliRunner

from callweave.commands.simulate import duration, perform, serving_api, share, simulate
from runtime import sources
from runtime.errors import CallweaveError
from simulator.connection import Endpoint
from simulator.ledger import EXPECTED, SENT, lines
from simulator.run import Wishes
from simulator.sending import Manner
from simulator.traffic import Sender
from tests.simulator.server import answer, scripted

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings and all data lie."""
    monkeypatch.setenv("CALLWEAVE_SETTINGS", "/dev/null")
    monkeypatch.setenv("CALLWEAVE_DATA", str(tmp_path))
    monkeypatch.setenv("CALLWEAVE_SOURCES_FILE", str(tmp_path / "sources.toml"))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [("30s", 30_000_000), ("5m", 300_000_000), ("1.5h", 5_400_000_000), ("250ms", 250_000)],
)
def test_a_duration_has_its_unit(text: str, microseconds: int) -> None:
    assert duration(text) == microseconds


@pytest.mark.parametrize(("text", "part"), [("2%", 0.02), ("0.5 %", 0.005), ("100%", 1.0), ("0%", 0.0)])
def test_a_share_is_per_cent(text: str, part: float) -> None:
    assert share(text) == part


@pytest.mark.parametrize("text", ["30", "s", "-1s", "5 days", "", "31000h", f"1{'0' * 400}s"])
def test_a_duration_without_a_unit_or_without_end_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        duration(text)


@pytest.mark.parametrize("text", ["2", "101%", "-1%", "%"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        share(text)


def test_without_demo_sources_it_says_what_to_do(folder: Path) -> None:
    with pytest.raises(CallweaveError, match="make run"):
        CliRunner().invoke(simulate, [], catch_exceptions=False)
    assert not (folder / "simulated").exists()


def test_a_url_of_no_source_is_refused_without_repeating_it(folder: Path) -> None:
    with pytest.raises(CallweaveError, match="nobody is no source") as error:
        CliRunner().invoke(simulate, ["--url", "nobody=http://127.0.0.1:1/secret"], catch_exceptions=False)
    assert "secret" not in str(error.value)
    assert not (folder / "simulated").exists()


def test_it_sends_to_the_demo_sources_and_prints_where_the_ledger_is(folder: Path) -> None:
    sources.add(folder / "sources.toml", "demo", "demo", "common-api", "Asia/Shanghai")
    sources.add(folder / "sources.toml", "demo-pbx", "demo-pbx", "extension-events", "UTC")
    with scripted(lambda _: answer()) as server:
        (folder / "demo-urls").write_text(f"demo {server.url}\ndemo-pbx {server.url}\n")
        options = ["--calls", "5", "--rate", "10000", "--speedup", "100000", "--duplicates", "10%"]
        done = CliRunner().invoke(simulate, options, catch_exceptions=False)
    assert done.exit_code == 0
    ledger = folder / "simulated" / done.stdout.strip().rpartition("/")[2]
    assert str(ledger) == done.stdout.strip()
    assert len(list(lines(ledger / EXPECTED))) == 5
    assert len(list(lines(ledger / SENT))) == len(server.requests)
    assert "latency" in done.stderr
    assert "token" not in done.output


def test_a_ledger_is_never_written_over(folder: Path) -> None:
    sources.add(folder / "sources.toml", "demo", "demo", "common-api", "Asia/Shanghai")
    (folder / "old").mkdir()
    (folder / "old" / SENT).write_text("")
    options = ["--url", "demo=http://127.0.0.1:1/x", "--ledger", str(folder / "old")]
    with pytest.raises(CallweaveError, match="has a ledger already"):
        CliRunner().invoke(simulate, options, catch_exceptions=False)


def test_the_api_knows_the_history_of_the_calls_that_were_sent(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = Sender("demo-pbx", "demo-pbx", "extension-events", "UTC")
    wishes = Wishes(calls=5, rate=1e6, manner=Manner(speedup=1e6, patience=30))
    with scripted(lambda _: answer()) as server, serving_api(0, wishes, folder / "ledger") as finished:
        token_file = folder / "ledger" / "api-token"
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        perform(wishes, [sender], {"demo-pbx": Endpoint.of(server.url)}, folder / "ledger", finished)
        calls = list(lines(folder / "ledger" / EXPECTED))
        said = capsys.readouterr().err.splitlines()
        (command,) = (
            shlex.split(line) for line in said if line.startswith("  callweave source provider NAME ")
        )
        told = dict(zip(command[4::2], command[5::2], strict=True))
        assert told["--token-file"] == str(token_file)
        base = f"{told['--base-url']}/client/{told['--client-id']}/call_history"
        with httpx.Client(
            headers={"Authorization": f"Bearer {token_file.read_text()}"}, timeout=60
        ) as client:
            for call in calls:
                for name in {call["columns"]["uuid"], call["columns"]["call_id"]}:
                    assert client.get(f"{base}/{name}").status_code == 200
            assert client.get(f"{base}/another").status_code == 404
    assert not token_file.exists()
