"""What was read wrongly is put right, and what comes again or late changes only what it must."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING

import orjson
import pytest
from kafka import KafkaProducer

from operations.audit import log
from operations.audit.settle import settle
from operations.replay import archive, send
from operations.replay.archive import Selection
from operations.replay.readings import Last, means_of
from operations.replay.send import replay
from runtime import sources
from runtime.clock import SystemClock
from runtime.errors import StartError
from runtime.kafka import ByKey, client_options
from runtime.settings import CorrelateSettings
from schemas.times import moment
from schemas.topics import Topic, topic_key
from tests.chaos.calls import TIMEZONE
from tests.chaos.truth import archived_events, differences, expected_calls, found_calls
from tests.kit.commands import ran
from tests.kit.events import AT, event
from tests.operations.audit.traffic import assert_whole, traffic
from tests.pipeline import Pipeline
from tests.rows import count, select
from tests.samples.documents import CDR_001
from tests.scale import scaled
from tests.servers import PATIENCE, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from operations.replay.progress import Progress
    from runtime.settings import Settings
    from schemas.events import CallEvent

CALLS = scaled(100, 1_000)
WRONG = "America/New_York"
SECOND = 1_000_000
FORGET_SECONDS = 4.0
SHARED = "m"
"""An id that a provider's fault puts into every callback."""


def wrong_calls(settings: Settings) -> list[str]:
    """How the rows differ from what the archived bytes say, read in the right zone."""
    return differences(expected_calls(archived_events(settings)), found_calls(settings, ["common"]))


def test_calls_read_in_a_wrong_zone_are_right_after_it_is_corrected_and_replayed(
    stack_settings: Settings, tmp_path: Path
) -> None:
    settings = stack_settings
    with traffic(settings, random.Random(4)) as sent, Pipeline(settings, tmp_path):
        sources.change(settings.sources_file, "common", {"timezone": WRONG})
        sent.wait_for_sources()
        for _ in range(CALLS):
            sent.call("common")
        assert_whole(settings)
        assert len([said for said in wrong_calls(settings) if ": ended_at is" in said]) == CALLS
        changed = ran(settings, "source", "change", "common", "--timezone", TIMEZONE)
        assert changed.returncode == 0, changed.stderr
        sent.wait_for_sources()
        replayed = ran(settings, "replay", "--wait", str(PATIENCE))
        assert replayed.returncode == 0, replayed.stderr
        assert f"source common: timezone was {WRONG}, is {TIMEZONE}." in replayed.stderr
        assert wrong_calls(settings) == []
        assert count(settings, "SELECT count() FROM calls") == CALLS
        assert_whole(settings)
        again = ran(settings, "replay", "--wait", str(PATIENCE))
        assert "Nothing differs from the last reading" in again.stderr
        assert wrong_calls(settings) == []


class Interrupted(Exception):
    """Stops a replay after its first page."""


def interrupt(_: Progress) -> None:
    raise Interrupted


def test_an_interrupted_replay_does_not_go_on_behind_a_later_one(
    stack_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one read a part, in another zone, and has the higher number."""
    settings = stack_settings
    with traffic(settings, random.Random(4)) as sent, Pipeline(settings, tmp_path):
        for _ in range(5):
            sent.call("common")
        assert_whole(settings)
        monkeypatch.setattr(archive, "PAGE", 5)
        means = means_of(settings, 0)
        with pytest.raises(Interrupted):
            replay(settings, Selection(), SystemClock(), means=means, patience=0, sent=interrupt)

        def replayed(zone: str, *options: str) -> str:
            sources.change(settings.sources_file, "common", {"timezone": zone})
            sent.wait_for_sources()
            result = ran(settings, "replay", *options, "--wait", str(PATIENCE))
            assert result.returncode == 0, result.stderr
            return result.stderr

        Last(settings.data).write_first(means_of(settings, 0))
        replayed(WRONG, "--source", "common")
        assert wrong_calls(settings) != []
        said = replayed(TIMEZONE)
        assert f"What differs from a later reading of a part ({datetime.now(UTC):%Y}" in said
        assert f"source common: timezone was {WRONG}, is {TIMEZONE}." in said
        assert "was followed by another" in said
        assert wrong_calls(settings) == []
        assert_whole(settings)


def test_a_replay_waits_for_all_that_was_received_before(
    stack_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not read yet is read by the settings of its receipt: it could neither be told nor withdrawn."""
    settings = stack_settings
    monkeypatch.setattr(send, "EARLIER_SECONDS", 0.0)

    def replayed(charset: str) -> None:
        sources.change(settings.sources_file, "common", {"charset": charset})
        sent.wait_for_sources()
        means = means_of(settings, 0)
        replay(settings, Selection(), SystemClock(), means=means, patience=PATIENCE, say=say)

    def say(text: str) -> None:
        if text.startswith("Waiting"):
            waits.append(text)
            normalize.start()

    waits: list[str] = []
    with traffic(settings, random.Random(1)) as sent, Pipeline(settings, tmp_path) as pipeline:
        normalize, sink = pipeline.workers["normalize"], pipeline.workers["sink"]
        sink.stop()
        sent.post("common", in_gb18030("ring"))
        with pytest.raises(StartError, match=r"not processed yet .*callweave-sink"):
            replayed("gb18030")
        sink.start()
        eventually(sink.ready, "the sink is back")
        normalize.stop()
        sent.post("common", in_gb18030("hangup"))
        archived = "SELECT count() FROM callbacks"
        eventually(lambda: count(settings, archived) == 2, "the callbacks are archived")
        with pytest.raises(StartError, match=r"not processed yet .*callweave-normalize"):
            replayed("gb18030")
        monkeypatch.setattr(send, "EARLIER_SECONDS", PATIENCE)
        replayed("gb18030")
        assert waits == ["Waiting for normalize and the sink, messages left: 1."], "once"
        assert_whole(settings)
        assert select(settings, "SELECT customer_ref, revision, doubts FROM calls") == [
            {"customer_ref": NAME, "revision": 2, "doubts": 0}
        ]


NAME = "张三李四王五"


def in_gb18030(status: str) -> bytes:
    said = {"uuid": "a", "buuid": "b", "isbleg": "false", "status": status, "customuuid": "NAME"}
    return orjson.dumps(said).replace(b"NAME", NAME.encode("gb18030"))


def without_last(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value for name, value in row.items() if name != "last_received_at"} for row in rows]


def publish(settings: Settings, events: list[CallEvent]) -> None:
    """As normalize does, one after the other."""
    kafka = settings.kafka
    producer = KafkaProducer(**client_options(kafka), partitioner=ByKey(), acks="all", metrics_enabled=False)
    try:
        for each in events:
            key = topic_key(each.account, each.ids[0])
            producer.send(kafka.topic(Topic.EVENTS), each.to_json(), key=key).get(PATIENCE)
    finally:
        producer.close(timeout=PATIENCE)


def settled(settings: Settings) -> None:
    with log.opened(settings.kafka) as kafka:
        only = (Topic.EVENTS, Topic.LINKS, Topic.RECORDS)
        assert settle(kafka, settings.kafka, PATIENCE, only=only).lags == []


def test_of_two_bills_the_corrected_one_holds_in_every_order(
    stack_settings: Settings, tmp_path: Path
) -> None:
    settings = stack_settings
    first = event(event_id="first", callback_id="c1", kind="cdr", talk_time=9 * SECOND, outcome="answered")
    corrected = replace(
        first, event_id="corrected", callback_id="c2", talk_time=8 * SECOND, received_at=AT + 60 * SECOND
    )
    again = replace(first, callback_id="c3", received_at=AT + 120 * SECOND)
    orders = list(permutations((first, corrected, again)))

    def of_call(number: int, told: CallEvent) -> CallEvent:
        leg = f"call-{number}"
        event_id, callback_id = f"{told.event_id}-{number}", f"{told.callback_id}-{number}"
        return replace(told, ids=(leg,), leg=leg, event_id=event_id, callback_id=callback_id)

    def rows() -> list[dict[str, object]]:
        settled(settings)
        return select(settings, "SELECT * FROM calls ORDER BY call_id")

    with Pipeline(settings, tmp_path, ("correlate", "sink")):
        publish(settings, [of_call(number, told) for number, order in enumerate(orders) for told in order])
        found = rows()
        assert [
            (row["talk_seconds"], row["cdr_received_at"], row["last_received_at"], row["revision"])
            for row in found
        ] == [(8.0, moment(corrected.received_at), moment(again.received_at), 2)] * len(orders)
        late = replace(corrected, callback_id="c4", received_at=AT + 86_400 * SECOND)
        publish(settings, [of_call(number, late) for number in range(len(orders))])
        # of two rows of one version either may hold: they differ in when events were last received
        assert without_last(rows()) == without_last(found)


def test_a_bill_finds_a_call_that_the_correlator_has_forgotten(
    stack_settings: Settings, tmp_path: Path
) -> None:
    """It names a leg that is not the call's smallest, and the correlator was started anew meanwhile."""
    correlate = CorrelateSettings(silence_seconds=1, forget_seconds=FORGET_SECONDS)
    settings = stack_settings.model_copy(update={"correlate": correlate})
    with traffic(settings, random.Random(5)) as sent, Pipeline(settings, tmp_path) as pipeline:
        for status in ("ring", "answer"):
            sent.post(
                "common", orjson.dumps({"status": status, "uuid": "a", "buuid": "b", "isbleg": "false"})
            )
        known = "SELECT call_id, close_reason, has_cdr FROM calls"
        closed = [{"call_id": "a", "close_reason": "timeout", "has_cdr": False}]
        eventually(lambda: select(settings, known) == closed, "the call is closed")
        eventually(lambda: forgotten(pipeline), "all legs are forgotten")
        assert_whole(settings)
        assert select(settings, known) == closed
        pipeline.workers["correlate"].stop()
        pipeline.workers["correlate"].start()
        eventually(pipeline.workers["correlate"].ready, "the correlator is back")
        sent.post("common", orjson.dumps({**CDR_001, "uuid": "b"}))
        assert_whole(settings)
        eventually(
            lambda: (
                [
                    (row["call_id"], row["legs"], row["state"], row["revision"])
                    for row in select(settings, "SELECT * FROM calls")
                ]
                == [("a", ["a", "b"], "complete", 3)]
            ),
            "the one row is right",
        )
        assert [said for said in wrong_calls(settings) if ": reopened is" not in said] == []
        assert_whole(settings)


def test_late_news_reaches_the_call_that_a_misread_id_tied_once(
    stack_settings: Settings, tmp_path: Path
) -> None:
    """All of it is forgotten before it is read again, and once more before the news."""
    correlate = CorrelateSettings(silence_seconds=1, forget_seconds=FORGET_SECONDS)
    settings = stack_settings.model_copy(update={"correlate": correlate})
    ring = event(event_id="ring", callback_id="c1", kind="ring", ids=("a", "b"), leg="b")
    hangup = event(event_id="hangup", callback_id="c2", kind="hangup", ids=("b",), leg="b")
    again = replace(ring, ids=("b",), reading=1_000, named_before=("a", "b"))
    void = replace(ring, kind="void", reading=999)
    bill = event(event_id="bill", callback_id="c3", kind="cdr", ids=("b",), leg="b")
    with Pipeline(settings, tmp_path, ("correlate", "sink")) as pipeline:
        for told in ([ring, hangup], [again, void], [bill]):
            publish(settings, told)
            settled(settings)
            eventually(lambda: forgotten(pipeline), "all legs are forgotten")
        rows = select(settings, "SELECT call_id, legs, events FROM calls")
        stored = select(settings, "SELECT call_id, version, is_gone, events FROM stored_calls")
        assert rows == [{"call_id": "a", "legs": ["b"], "events": ["bill", "hangup", "ring"]}], stored
        assert count(settings, "SELECT count() FROM call_legs") == 1


def test_late_news_reaches_the_call_to_which_a_suspect_id_had_tied_it(
    stack_settings: Settings, tmp_path: Path
) -> None:
    """The id tied two calls and was suspect then: all of them are forgotten before their bills come."""
    correlate = CorrelateSettings(calls_per_id=2, silence_seconds=1, forget_seconds=FORGET_SECONDS)
    settings = stack_settings.model_copy(update={"correlate": correlate})

    def told(number: int, kind: str, *others: str) -> CallEvent:
        leg = f"x{number}"
        name, ids = f"{kind} {number}", (*others, leg)
        return event(event_id=name, callback_id=name, kind=kind, ids=ids, leg=leg, uuid=f"call {number}")

    rings = [told(number, "ring", SHARED) for number in range(4)]
    bills = [told(number, "cdr") for number in range(4)]
    with Pipeline(settings, tmp_path, ("correlate", "sink")) as pipeline:
        for some in (rings, bills):
            publish(settings, some)
            settled(settings)
            eventually(lambda: forgotten(pipeline), "all legs are forgotten")
        found = select(settings, "SELECT call_id, events FROM calls")
    rows = {row["call_id"]: row["events"] for row in found}
    both = [number for number in range(4) if f"x{number}" not in rows]
    assert len(both) == 2
    assert rows == {
        SHARED: sorted(f"{kind} {number}" for kind in ("cdr", "ring") for number in both),
        **{f"x{n}": [f"cdr {n}", f"ring {n}"] for n in range(4) if n not in both},
    }


def forgotten(pipeline: Pipeline) -> bool:
    return "callweave_correlator_legs 0.0" in pipeline.workers["correlate"].metrics()
