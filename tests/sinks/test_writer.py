"""The sink as a process, with real servers: what comes out, and what faults do to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from runtime.kafka import client_options
from schemas.callbacks import Rejection, Stage
from schemas.topics import Topic
from sinks.consumer import TOPICS
from sinks.migrate import migrate
from sinks.writer import gathering
from tests.kit.events import event
from tests.pipeline import Worker
from tests.rows import count, select, until
from tests.servers import clickhouse_node, eventually, kafka_node, new_settings, prepared
from tests.sinks.flow import REASONS, START, Flow
from tests.sinks.folded import record_of

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

EVENT = event(
    source="shop",
    ids=("a", "b"),
    received_at=START,
    occurred_at=START + 1,
    caller="13800138000",
    bridged=True,
    ring_time=1_500_000,
    extra={"x": 1},
)


def reason_not_ready(sink: Worker) -> str:
    """What /readyz says, '' when it is ready."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{sink.port}/readyz", timeout=5)
    except httpx.TransportError:
        return "no answer"
    reason: str = answer.json()["reason"]
    return reason


def uncommitted(settings: Settings) -> int:
    """Messages that the group has not committed."""
    admin = KafkaAdminClient(**client_options(settings.kafka))
    consumer = KafkaConsumer(**client_options(settings.kafka))
    try:
        partitions = [
            TopicPartition(settings.kafka.topic(topic), number)
            for topic in TOPICS
            for number in range(settings.kafka.partitions)
        ]
        ends = consumer.end_offsets(partitions)
        group = settings.kafka.group("sink")
        offsets = admin.list_group_offsets(group)[group]
        done = {partition: offset.offset for partition, offset in offsets.items()}
        return sum(ends[partition] - max(0, done.get(partition, 0)) for partition in partitions)
    finally:
        consumer.close()
        admin.close()


def test_every_kind_of_message_is_written_and_committed(stack_settings: Settings, sink: Worker) -> None:
    with Flow(stack_settings) as flow:
        for _ in range(20):
            flow.call()
        flow.flush()
        sink.start()
        flow.assert_all_is_there_once()
        eventually(sink.ready, "the sink is ready")
        assert sink.stop() == 0
        assert uncommitted(stack_settings) == 0
        flow.call()
        flow.flush()
        sink.start()
        flow.assert_all_is_there_once()


@pytest.mark.parametrize("rejected_first", [True, False])
def test_a_rejected_callback_is_one_row_whichever_message_comes_first(
    stack_settings: Settings, sink: Worker, *, rejected_first: bool
) -> None:
    sink.start()
    eventually(sink.ready, "the sink is ready")
    with Flow(stack_settings) as flow:
        callback = flow.callback(b'{"a":"\xff"}')
        rejection = Rejection(Stage.NORMALIZE, REASONS, stack_settings.kafka.topic(Topic.RAW), 2, 5)
        raw = (Topic.RAW, callback.headers())
        rejected = (Topic.REJECTED, [*callback.headers(), *rejection.headers()])
        for topic, headers in [rejected, raw] if rejected_first else [raw, rejected]:
            flow.publish(topic, callback.payload, headers=headers)
            flow.flush()
            eventually(lambda: uncommitted(stack_settings) == 0, "the message is written")
        columns = "id, status, stage, reasons, hex(payload) AS payload, partition"
        (row,) = select(stack_settings, f"SELECT {columns} FROM callbacks")
    assert row == {
        "id": callback.id,
        "status": "rejected",
        "stage": "normalize",
        "reasons": [(REASONS[0].field, REASONS[0].code, REASONS[0].message)],
        "payload": callback.payload.hex().upper(),
        "partition": 2,
    }


def test_an_event_said_twice_is_one_row_that_names_both_callbacks(
    stack_settings: Settings, sink: Worker
) -> None:
    sink.start()
    with Flow(stack_settings) as flow:
        for callback_id, received_at in (("c2", START + 9), ("c1", START), ("c2", START + 9)):
            said = replace(EVENT, callback_id=callback_id, received_at=received_at)
            flow.publish(Topic.EVENTS, said.to_json())
        flow.flush()
        query = "SELECT * FROM call_events"
        eventually(lambda: len(select(stack_settings, query)) == 1, "the event is there")
        eventually(
            lambda: select(stack_settings, query)[0]["callback_ids"] == ["c1", "c2"],
            "both callbacks are there",
        )
        (row,) = select(stack_settings, f"{query} WHERE toUnixTimestamp64Micro(received_at) = {START}")
    assert (row["ids"], row["caller"], row["bridged"]) == (["a", "b"], "13800138000", True)
    assert (row["ring_seconds"], row["talk_seconds"], row["extra"]) == (1.5, None, '{"x":1}')


def test_poison_is_kept_and_stops_nothing(stack_settings: Settings, sink: Worker) -> None:
    sink.start()
    with Flow(stack_settings) as flow:
        flow.publish(Topic.RAW, b"\xff\x00", headers=[("id", b"\xfe"), ("x", b"1")])
        flow.publish(Topic.REJECTED, b"rejected", headers=flow.callback(b"").headers())
        flow.publish(Topic.EVENTS, b"{", key=b"k\xff")
        record = record_of([EVENT])
        assert record.call is not None
        too_late = replace(record, call=replace(record.call, last_received_at=2**62))
        flow.publish(Topic.RECORDS, too_late.to_json(), key=b"acme/a")
        flow.publish(Topic.RECORDS, record.to_json(), key=b"acme/a")
        flow.flush()
    until(stack_settings, "SELECT count() FROM dead_letters FINAL", 4)
    until(stack_settings, "SELECT count() FROM calls", 1)
    eventually(lambda: uncommitted(stack_settings) == 0, "all is committed")
    columns = "topic, hex(value) AS value, hex(key) AS key, reasons.code AS codes, length(headers) AS headers"
    kept = select(stack_settings, f"SELECT {columns} FROM dead_letters FINAL")
    prefix = stack_settings.kafka.prefix
    by_topic = {row["topic"].removeprefix(prefix): row for row in kept}
    assert {topic: row["codes"] for topic, row in by_topic.items()} == {
        "callbacks.raw": ["malformed-headers"],
        "callbacks.rejected": ["missing"],
        "calls.events": ["no-event"],
        "calls.records": ["unrepresentable"],
    }
    assert (by_topic["callbacks.raw"]["value"], by_topic["callbacks.raw"]["headers"]) == ("FF00", 2)
    assert by_topic["calls.events"]["key"] == b"k\xff".hex().upper()
    metrics = sink.metrics()
    assert f'callweave_sink_poison_total{{code="no-event",topic="{prefix}calls.events"}} 1.0' in metrics
    assert 'callweave_sink_rows_total{table="dead_letters"} 4.0' in metrics
    assert "callweave_sink_ready 1.0" in metrics
    assert "13800138000" not in sink.log.read_text()


def test_a_row_that_clickhouse_refuses_is_put_aside_alone(stack_settings: Settings, sink: Worker) -> None:
    select(stack_settings, "ALTER TABLE stored_events ADD CONSTRAINT known CHECK leg != 'bad'")
    bad = [replace(EVENT, event_id=f"bad{number}", ids=("bad",), leg="bad") for number in range(3)]
    with Flow(stack_settings) as flow:
        for number in range(20):
            flow.call()
            if number < len(bad):
                flow.publish(Topic.EVENTS, bad[number].to_json())
        flow.flush()
        sink.start()
        eventually(lambda: uncommitted(stack_settings) == 0, "all is committed")
    assert count(stack_settings, "SELECT count() FROM call_events") == 40
    kept = select(
        stack_settings, "SELECT value, reasons.code AS codes FROM dead_letters FINAL ORDER BY value"
    )
    assert [row["value"].encode() for row in kept] == [each.to_json() for each in bad]
    assert {code for row in kept for code in row["codes"]} == {"refused"}


def test_refused_rows_and_poison_wait_together_for_the_table_of_dead_letters(
    stack_settings: Settings, sink: Worker
) -> None:
    select(stack_settings, "ALTER TABLE stored_events ADD CONSTRAINT known CHECK leg != 'bad'")
    select(stack_settings, "ALTER TABLE dead_letters RENAME COLUMN reasons TO hidden")
    with Flow(stack_settings) as flow:
        flow.publish(Topic.EVENTS, b"{", key=b"same")
        flow.publish(Topic.EVENTS, replace(EVENT, ids=("bad",), leg="bad").to_json(), key=b"same")
        flow.flush()
        sink.start()
        eventually(lambda: "dead_letters: " in reason_not_ready(sink), "the sink says what it waits for")
        select(stack_settings, "ALTER TABLE dead_letters RENAME COLUMN hidden TO reasons")
        eventually(lambda: uncommitted(stack_settings) == 0, "all is committed")
    kept = select(stack_settings, "SELECT reasons.code AS codes FROM dead_letters FINAL ORDER BY offset")
    assert [row["codes"] for row in kept] == [["no-event"], ["refused"]]


def test_a_message_of_a_later_release_stops_the_sink_with_a_sentence(
    stack_settings: Settings, sink: Worker
) -> None:
    with Flow(stack_settings) as flow:
        flow.publish(Topic.RECORDS, replace(record_of([EVENT]), v=99).to_json(), key=b"acme/a")
        flow.flush()
    sink.start()
    eventually(lambda: not sink.running, "the sink has stopped")
    assert "start a newer release" in sink.log.read_text()
    assert uncommitted(stack_settings) == 1


def test_a_killed_clickhouse_loses_nothing_and_doubles_nothing(kafka_address: str, tmp_path: Path) -> None:
    with clickhouse_node(tmp_path / "clickhouse") as node:
        settings = prepared(new_settings(kafka_address, node.address, tmp_path))
        sink = Worker("sink", settings, tmp_path / "sink.log")
        sink.start()
        try:
            with Flow(settings) as flow:
                eventually(sink.ready, "the sink is ready")
                flow.run(calls_a_second=60)
                for _ in range(2):
                    flow.goes_on(40)
                    node.kill()
                    flow.goes_on(100)
                    eventually(lambda: "ClickHouse" in reason_not_ready(sink), "the sink says why it waits")
                    node.start()
                    eventually(sink.ready, "the sink goes on")
                flow.stop()
                flow.assert_all_is_there_once()
        finally:
            sink.kill()


def test_a_sink_that_is_told_to_stop_while_clickhouse_is_away_stops(
    kafka_address: str, tmp_path: Path
) -> None:
    with clickhouse_node(tmp_path / "clickhouse") as node:
        settings = prepared(new_settings(kafka_address, node.address, tmp_path))
        sink = Worker("sink", settings, tmp_path / "sink.log")
        sink.start()
        try:
            eventually(sink.ready, "the sink is ready")
            node.kill()
            with Flow(settings) as flow:
                flow.call()
                flow.flush()
                eventually(lambda: reason_not_ready(sink) != "", "the sink has noticed")
                assert sink.stop() == 0
                assert uncommitted(settings) == 6
                node.start()
                sink.start()
                flow.assert_all_is_there_once()
        finally:
            sink.kill()


def test_killed_sinks_and_ones_that_come_and_go_lose_nothing(
    stack_settings: Settings, sink: Worker, tmp_path: Path
) -> None:
    second = Worker("sink", stack_settings, tmp_path / "second.log")
    sink.start()
    try:
        with Flow(stack_settings) as flow:
            flow.run(calls_a_second=60)
            eventually(sink.ready, "the first is ready")
            second.start()
            eventually(second.ready, "a second is ready")
            flow.goes_on(60)
            sink.kill()
            flow.goes_on(60)
            sink.start()
            eventually(sink.ready, "the first is back")
            flow.goes_on(60)
            assert second.stop() == 0
            flow.goes_on(30)
            sink.kill()
            sink.start()
            flow.goes_on(30)
            flow.stop()
            flow.assert_all_is_there_once()
    finally:
        second.kill()
    eventually(lambda: uncommitted(stack_settings) == 0, "all is committed")


def test_a_killed_broker_is_waited_for(clickhouse_address: str, tmp_path: Path) -> None:
    with kafka_node(tmp_path / "kafka") as node:
        settings = prepared(new_settings(node.bootstrap, clickhouse_address, tmp_path))
        sink = Worker("sink", settings, tmp_path / "sink.log")
        sink.start()
        try:
            eventually(sink.ready, "the sink is ready")
            with Flow(settings) as flow:
                for _ in range(5):
                    flow.call()
                flow.disconnect()
                node.kill()
                eventually(lambda: reason_not_ready(sink) != "", "the sink has noticed", patience=300)
                node.start()
                for _ in range(5):
                    flow.call()
                flow.flush()
                flow.assert_all_is_there_once()
                eventually(sink.ready, "the sink goes on")
                eventually(lambda: uncommitted(settings) == 0, "all is committed")
        finally:
            sink.kill()


def test_a_table_that_is_not_as_it_should_be_holds_everything_up(
    stack_settings: Settings, sink: Worker
) -> None:
    with Flow(stack_settings) as flow:
        flow.call()
        flow.flush()
        sink.start()
        flow.assert_all_is_there_once()
        select(stack_settings, "RENAME TABLE stored_events TO hidden")
        flow.call()
        flow.flush()
        eventually(lambda: "stored_events" in reason_not_ready(sink), "the sink says what is missing")
        assert uncommitted(stack_settings) > 0
        select(stack_settings, "RENAME TABLE hidden TO stored_events")
        flow.assert_all_is_there_once()
        eventually(sink.ready, "the sink goes on")


def test_a_column_of_another_type_holds_everything_up(stack_settings: Settings, sink: Worker) -> None:
    sink.start()
    eventually(sink.ready, "the sink is ready")
    select(stack_settings, "ALTER TABLE stored_callbacks MODIFY COLUMN revision String")
    with Flow(stack_settings) as flow:
        flow.call()
        flow.flush()
        sentence = "stored_callbacks: its column revision is String, not UInt32: undo that."
        eventually(lambda: sentence in reason_not_ready(sink), "the sink says what to undo")
        assert uncommitted(stack_settings) > 0
        select(stack_settings, "ALTER TABLE stored_callbacks MODIFY COLUMN revision UInt32")
        flow.assert_all_is_there_once()
        eventually(sink.ready, "the sink goes on")
    assert count(stack_settings, "SELECT count() FROM dead_letters") == 0


def test_a_sink_waits_for_its_tables(kafka_address: str, clickhouse_address: str, tmp_path: Path) -> None:
    settings = new_settings(kafka_address, clickhouse_address, tmp_path)
    sink = Worker("sink", settings, tmp_path / "sink.log")
    sink.start()
    try:
        eventually(lambda: "run `callweave migrate`" in reason_not_ready(sink), "the sink says what to do")
        migrate(settings)
        eventually(sink.ready, "the sink is ready")
        assert sink.stop() == 0
    finally:
        sink.kill()


def test_a_write_begins_every_so_often_however_long_the_last_one_took() -> None:
    assert gathering(0.25, 0.0) == 0.25
    assert gathering(0.25, 0.1) == pytest.approx(0.15)
    assert gathering(0.25, 3.0) == pytest.approx(0.05)
