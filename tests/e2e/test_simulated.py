"""Misbehaving providers of both dialects, through the whole running stack: every row is what it must be."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from compose.demo import answers, check
from compose.demo_sources import DEMOS
from runtime import clickhouse, sources
from simulator.connection import Endpoint
from simulator.ledger import EXPECTED, SENT, Ledger, lines
from simulator.misbehaviour import Misbehaviour
from simulator.run import Wishes, run
from simulator.sending import Manner, Tally
from simulator.traffic import Sender
from tests.pipeline import Pipeline
from tests.rows import count
from tests.scale import scaled
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from runtime.settings import Settings

SECOND = 1_000_000


MISBEHAVIOUR = Misbehaviour(
    duplicates=0.05,
    shuffle=30 * SECOND,
    lost_hangups=0.05,
    late_cdr=300 * SECOND,
    malformed=0.02,
    untidy=0.2,
)


def test_every_row_is_as_the_ledger_expects(
    stack_settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, ledger_folder = stack_settings, tmp_path / "ledger"
    tokens = {name: sources.add(settings.sources_file, name, *demo) for name, demo in DEMOS.items()}
    base = f"http://127.0.0.1:{settings.ingest.port}/callbacks"
    endpoints = {name: Endpoint.of(f"{base}/{token}") for name, token in tokens.items()}
    senders = [
        Sender(source.name, source.account, source.dialect, source.timezone)
        for source in sources.load(settings.sources_file)
    ]
    wishes = Wishes(
        seed=time.time_ns() % 1_000_000,
        calls=scaled(250, 5000),
        rate=400,
        misbehaviour=MISBEHAVIOUR,
        manner=Manner(speedup=200, retries=10, patience=60),
    )
    tally = Tally()
    with Pipeline(settings, tmp_path):
        with Ledger(ledger_folder) as ledger:
            asyncio.run(run(wishes, senders, endpoints, ledger, tally, now=time.time_ns() // 1000))
        report = check.settled(settings, ledger_folder, lambda: None, patience=PATIENCE)
    assert report.differences == [], f"seed {wishes.seed}"
    assert report.unacknowledged == 0
    assert report.calls == wishes.calls
    assert report.malformed == report.rejected > 0
    assert count(settings, "SELECT count() FROM calls") == wishes.calls
    assert ledger.outcomes["untidy"] > wishes.calls / 4
    kept = tally.through - ledger.outcomes["probe"]
    assert count(settings, "SELECT count() FROM callbacks") == kept

    assert_answers_are_shown(settings, ledger_folder, capsys)
    assert_a_changed_ledger_is_noticed(settings, ledger_folder, wishes.calls)


def assert_answers_are_shown(
    settings: Settings, ledger_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.show(settings, ledger_folder)
    shown = capsys.readouterr().out
    assert shown.count("?\n") == len(list(answers.questions(answers.SQL.read_text("utf-8")))) == 10
    assert "demo-pbx" in shown


def assert_a_changed_ledger_is_noticed(settings: Settings, ledger_folder: Path, calls: int) -> None:
    expected, sent = list(lines(ledger_folder / EXPECTED)), list(lines(ledger_folder / SENT))
    expected[0]["columns"]["caller"] = "+79990000000"
    sent[0]["id"] = "another"
    with clickhouse.connected(settings.clickhouse) as client:
        wrong = check.compared(client, expected, sent)
    assert wrong.wrong == 1
    told = list(check.verdict(wrong))
    assert len(wrong.differences) == 2
    assert f"expected = actual for {calls - 1} of {calls} calls" in told[0]
    assert "caller is …" in told[2]
    assert "expected …00" in told[2]
    assert "+7999" not in "\n".join(told)
