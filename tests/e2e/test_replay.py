"""The archive through the running pipeline once more: nothing changes, unless something was put right."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from operations.audit.identity import Problem, Verdict
from operations.audit.settle import settle
from operations.reading import reader
from operations.replay import archive, changes, rebuild, send
from operations.replay.archive import Selection
from operations.replay.readings import Means, means_of
from operations.replay.send import replay
from processors.normalize.step import Normalized
from runtime import clickhouse
from runtime.clock import SystemClock
from runtime.settings import CorrelateSettings
from schemas.callbacks import Reason, Rejection, Stage
from schemas.topics import Topic
from sinks.span import Span
from tests.kit.callbacks import posted
from tests.kit.commands import ran
from tests.operations.audit.test_examine import commit_past, problems
from tests.operations.audit.traffic import assert_whole, audited, traffic
from tests.pipeline import Pipeline
from tests.rows import NUMBERED, contents, count, select
from tests.samples.documents import CDR_001
from tests.servers import PATIENCE, eventually
from tests.sinks.flow import Flow

if TYPE_CHECKING:
    from pathlib import Path

    from operations.audit.settle import Settled
    from operations.replay.progress import Progress
    from operations.replay.send import Outcome
    from processors.normalize.step import Rejected
    from runtime.settings import Settings
    from schemas.callbacks import Callback
    from tests.operations.audit.traffic import Traffic


SAME = Means("the same")


def replayed(settings: Settings, selection: Selection | None = None) -> Outcome:
    outcome = replay(settings, selection or Selection(), SystemClock(), means=SAME, patience=PATIENCE)
    assert outcome.lags == []
    return outcome


def redriven(settings: Settings, code: str | None = None) -> Outcome:
    return replayed(settings, Selection(rejected=True, code=code))


def test_a_replay_changes_nothing_but_what_was_put_right(
    stack_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = stack_settings
    with traffic(settings, random.Random(2)) as sent, Pipeline(settings, tmp_path) as pipeline:
        sent.of_every_fate(calls=4)
        assert_whole(settings)
        assert_nothing_changes(settings, sent, times=2)
        assert_an_interrupted_replay_goes_on(settings, sent, monkeypatch)
        assert_the_command_says_whether_a_replay_goes_on(settings, sent, monkeypatch)
        assert_once_all_is_sent_the_same_is_sent_again(settings, sent, monkeypatch)
        assert_rejected_ones_get_another_chance(settings, sent)
        assert_the_ingress_may_have_been_wrong(settings)
        assert_what_normalize_skipped_is_made_good(settings, sent, pipeline)
        assert_another_database_tells_what_a_rule_changes(settings)
        assert_a_call_that_is_partly_replayed_stays_whole(settings, sent, pipeline)
        assert_whole(settings)


def assert_nothing_changes(settings: Settings, sent: Traffic, times: int = 1) -> None:
    before = contents(settings, without=NUMBERED)
    for _ in range(times):
        outcome = replayed(settings)
        assert outcome.progress.sent == sum(sent.acknowledged.values())
        assert (outcome.accepted, outcome.rejected) == (0, 0)
        assert contents(settings, without=NUMBERED) == before


class Interrupted(Exception):
    """Stops a replay in its midst."""


def assert_an_interrupted_replay_goes_on(
    settings: Settings, sent: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sends the rest, with the time at which it began at first."""
    monkeypatch.setattr(archive, "PAGE", 10)
    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        replay(settings, Selection(), SystemClock(), means=SAME, patience=0, sent=interrupt)
    assert seen[-1].sent == 20
    said: list[str] = []
    outcome = replay(
        settings,
        Selection(),
        SystemClock(),
        means=SAME,
        patience=PATIENCE,
        say=said.append,
        sent=seen.append,
    )
    assert [each.sent for each in seen[2:]][:1] == [30]
    assert outcome.progress.sent == sum(sent.acknowledged.values())
    assert outcome.before == 20
    assert [text.partition("continues: ")[2][:2] for text in said if "continues: " in text] == ["20"]
    assert {each.replayed_at for each in seen} == {outcome.progress.replayed_at}
    monkeypatch.undo()


def assert_the_command_says_whether_a_replay_goes_on(
    settings: Settings, sent: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on by the same code and sources alone."""

    def interrupt(_: Progress) -> None:
        raise Interrupted

    number = sum(sent.acknowledged.values())
    all_sent = f"{number} callbacks sent"
    for means, said, told in (
        (
            means_of(settings, 0),
            "continues: 10",
            f"{all_sent}; 10 of them were sent before this run.",
        ),
        (Means("another"), "starts over, though 10", f"{all_sent}."),
    ):
        monkeypatch.setattr(archive, "PAGE", 10)
        with pytest.raises(Interrupted):
            replay(settings, Selection(), SystemClock(), means=means, patience=0, sent=interrupt)
        monkeypatch.undo()
        result = ran(settings, "replay")
        assert (result.returncode, result.stdout.splitlines()[0]) == (0, told), result.stderr
        assert said in result.stderr


def assert_once_all_is_sent_the_same_is_sent_again(
    settings: Settings, sent: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the wait for the stages was interrupted: a source may have been put right since."""

    def interrupted(*args: Any, **options: Any) -> Settled:
        if "only" in options:  # what earlier replays have sent
            return settle(*args, **options)
        raise Interrupted

    first: list[Progress] = []
    with monkeypatch.context() as patched:
        patched.setattr(send, "settle", interrupted)
        with pytest.raises(Interrupted):
            replay(settings, Selection(), SystemClock(), means=SAME, patience=PATIENCE, sent=first.append)
    outcome = replayed(settings)
    assert first[-1].sent == outcome.progress.sent == sum(sent.acknowledged.values())
    assert outcome.before == 0
    assert outcome.progress.replayed_at > first[-1].replayed_at


def assert_rejected_ones_get_another_chance(settings: Settings, sent: Traffic) -> None:
    """A source was said to speak another dialect than it does."""
    text = settings.sources_file.read_text()
    settings.sources_file.write_text(text.replace('"common-api"', '"extension-events"'))
    sent.wait_for_sources()
    ids = sent.call("common")
    report = assert_whole(settings)
    wrong = report.counts["common"].rejected
    assert wrong.total() == len(ids) + 2
    settings.sources_file.write_text(text)
    sent.wait_for_sources()
    outcome = redriven(settings)
    assert outcome.accepted == len(ids)
    told = select(
        settings,
        "SELECT status, stage, empty(reasons) AS silent, topic FROM callbacks WHERE has(%(ids)s, id)",
        {"ids": ids},
    )
    assert told == [
        {"status": "accepted", "stage": "", "silent": 1, "topic": settings.kafka.topic(Topic.RAW)}
    ] * len(ids)
    assert_whole(settings)
    again = redriven(settings)
    assert (again.accepted, again.rejected) == (0, 0)
    assert_nothing_changes(settings, sent)


def assert_the_ingress_may_have_been_wrong(settings: Settings) -> None:
    """What it rejected was never in callbacks.raw; a later release can decode it."""
    callback = posted(
        {"uuid": "decoded-late", "buuid": "decoded-late-b", "status": "ring", "isbleg": "false"},
        id="8d1f4b0e-0000-4000-8000-000000000001",
        source="common",
        account="common",
        received_at=SystemClock().now(),
    )
    rejection = Rejection(Stage.INGEST, (Reason("", "too-modern", "said an older release"),))
    with Flow(settings) as flow:
        flow.publish(Topic.REJECTED, callback.payload, headers=[*callback.headers(), *rejection.headers()])
        flow.flush()
    report = assert_whole(settings)
    assert report.counts["common"].rejected["too-modern"] == 1
    assert redriven(settings, "too-modern").accepted == 1
    assert count(settings, "SELECT count() FROM calls WHERE has(legs, 'decoded-late')") == 1
    report = assert_whole(settings)
    assert report.counts["common"].rejected["too-modern"] == 0


def assert_what_normalize_skipped_is_made_good(settings: Settings, sent: Traffic, pipeline: Pipeline) -> None:
    normalize = pipeline.workers["normalize"]
    normalize.stop()
    sent.call("common")
    skipped = commit_past(settings, settings.kafka.group("normalize"), Topic.RAW)
    normalize.start()
    report = audited(settings)
    assert report.verdict() is Verdict.HOLE
    assert problems(report) == {Problem.NOT_NORMALIZED}
    assert {(hole.topic, hole.partition, hole.offset) for hole in report.holes} == skipped
    ids = [hole.callback_id for hole in report.holes]
    since = min(row["received_us"] for row in select(settings, RECEIVED, {"ids": ids}))
    replayed(settings, Selection(Span(since=since)))
    assert_whole(settings)


def assert_another_database_tells_what_a_rule_changes(settings: Settings) -> None:
    read = reader(settings)
    same = f"{settings.clickhouse.database}_same"
    rebuild.into(settings, Selection(), same, rebuild.code_of(settings), SystemClock())
    assert compared(settings, same) == []

    def changed(callback: Callback) -> Normalized | Rejected:
        """A deliberately other rule: calls from this number have no caller."""
        outcome = read(callback)
        if not isinstance(outcome, Normalized):
            return outcome
        return Normalized(
            tuple(
                replace(event, caller=None, recording="https://example.com/x")
                if event.source == "common" and event.kind != "cdr"
                else event
                for event in outcome.events
            )
        )

    other = f"{settings.clickhouse.database}_other"
    rebuild.into(settings, Selection(), other, rebuild.Code(changed, "changed"), SystemClock())
    found = compared(settings, other)
    expected = {
        row["call_id"]
        for row in select(settings, "SELECT call_id FROM calls WHERE source = 'common' AND kinds != ['cdr']")
    }
    assert {change.call_id for change in found} == expected
    assert {change.what for change in found} == {"changed"}


def assert_a_call_that_is_partly_replayed_stays_whole(
    settings: Settings, sent: Traffic, pipeline: Pipeline
) -> None:
    """The bill names one leg only, and the correlator has forgotten what ties it to the other."""
    sent.post("common", b'{"status": "ring", "uuid": "tied-a", "buuid": "tied-b", "isbleg": "false"}')
    bill = sent.post("common", orjson.dumps({**CDR_001, "uuid": "tied-b"}))
    assert_whole(settings)
    correlate, sink = pipeline.workers["correlate"], pipeline.workers["sink"]
    forgetful = CorrelateSettings(silence_seconds=1, forget_seconds=1)
    for worker in (correlate, sink):
        worker.stop()
        worker.settings = settings.model_copy(update={"correlate": forgetful})
        worker.start()
        eventually(worker.ready, f"{worker.stage} is back")
    eventually(lambda: "callweave_correlator_legs 0.0" in correlate.metrics(), "all legs are forgotten")
    assert_whole(settings)
    before = [select(settings, query) for query in TIED]  # other calls are being closed meanwhile
    assert [len(rows) for rows in before] == [1, 2]
    (came,) = select(settings, RECEIVED, {"ids": [bill]})
    outcome = replayed(settings, Selection(Span(since=came["received_us"])))
    assert outcome.progress.sent == 1
    eventually(lambda: [select(settings, query) for query in TIED] == before, "the call is whole again")


TIED = (
    "SELECT * EXCEPT (version) FROM calls WHERE has(legs, 'tied-b')",
    "SELECT * FROM call_legs WHERE has(['tied-a', 'tied-b'], leg_id) ORDER BY leg_id",
)
RECEIVED = "SELECT toUnixTimestamp64Micro(received_at) AS received_us FROM callbacks WHERE has(%(ids)s, id)"


def compared(settings: Settings, database: str) -> list[changes.Change]:
    with clickhouse.connected(settings.clickhouse) as client:
        found = list(changes.calls(client, settings.clickhouse.database, database, Span()))
        client.execute(f"DROP DATABASE {database}")
    return found
