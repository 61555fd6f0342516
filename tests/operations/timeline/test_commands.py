"""`callweave call` and `callweave tail` over a running stack."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from operations.timeline.gaps import as_column
from operations.timeline.provenance import ROW
from runtime import clickhouse, sources, topics
from runtime.addresses import free_port
from runtime.kafka import client_options
from schemas.topics import Topic
from tests.kit.commands import ran
from tests.kit.events import event
from tests.operations.timeline.calls import A_LEG, ANSWERED, B_LEG, QUEUE, betrayed
from tests.operations.timeline.commands import Tail
from tests.pipeline import Pipeline, environment
from tests.rows import until
from tests.samples import Request, in_shape
from tests.servers import NO_TLS, PATIENCE, eventually, kafka_node, new_settings, prepared
from tests.sinks.folded import record_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import KafkaSettings, Settings
    from tests.kit.commands import Ran


@dataclass
class Told:
    """A stack that was told of some calls while their lines were followed."""

    settings: Settings
    payloads: list[bytes]
    """Of ANSWERED at `pbx`."""
    lines: dict[str, str]
    """What `tail` printed, by its options."""

    def call(self, *arguments: str) -> Ran:
        return ran(self.settings, "call", *arguments)

    def document(self, *arguments: str) -> dict[str, Any]:
        result = self.call(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        read: dict[str, Any] = json.loads(result.stdout)
        return read


FOLLOWED = {
    "all": (),
    "json": ("--json",),
    "open": ("--numbers", "--account", "acme", "--number", "47569524"),
}


def post(url: str, request: Request) -> None:
    get = request.method == "GET"
    answer = httpx.request(
        request.method,
        f"{url}?{request.payload.decode()}" if get else url,
        content=None if get else request.payload,
        headers={} if get else {"Content-Type": request.content_type},
        timeout=PATIENCE,
        verify=NO_TLS,
    )
    assert answer.status_code == 200, answer.text


def wait_until_written(settings: Settings, callbacks: int) -> None:
    for query, number in (
        ("SELECT count() FROM calls WHERE state = 'complete'", 3),
        ("SELECT sum(length(callback_ids)) FROM call_events", callbacks),
        ("SELECT count() FROM callbacks", callbacks),
        ("SELECT sum(revision) FROM calls", callbacks - 1),
    ):
        until(settings, query, number)


@pytest.fixture(scope="module")
def told(
    kafka_address: str, clickhouse_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """ANSWERED in two accounts, in one of them an answer retried; QUEUE in one of these."""
    folder = tmp_path_factory.mktemp("timeline")
    settings = prepared(new_settings(kafka_address, clickhouse_address, folder))
    tokens = {
        name: sources.add(settings.sources_file, name, account, dialect, "Asia/Shanghai")
        for name, account, dialect in (
            ("pbx", "acme", "common-api"),
            ("forms", "other", "common-api"),
            ("queue", "acme", "extension-events"),
        )
    }
    json_shape = [in_shape(fields, "json") for fields in ANSWERED.payloads]
    requests = [
        *(("pbx", each) for each in (*json_shape, json_shape[1])),
        *(("forms", in_shape(fields, "urlencoded")) for fields in ANSWERED.payloads),
        *(("queue", in_shape(fields, "query")) for fields in QUEUE.payloads),
    ]
    tails = {name: Tail(settings, folder, *options) for name, options in FOLLOWED.items()}
    try:
        with Pipeline(settings, folder):
            for tail in tails.values():
                tail.says("Following calls")
            for source, request in requests:
                post(f"http://127.0.0.1:{settings.ingest.port}/callbacks/{tokens[source]}", request)
            wait_until_written(settings, len(requests))
            for name, times in (("all", 3), ("json", 3), ("open", 1)):
                tails[name].prints("complete", times)
        statuses = {name: tail.stop() for name, tail in tails.items()}
        assert statuses == dict.fromkeys(FOLLOWED, 0), [tail.err for tail in tails.values()]
        lines = {name: tail.out for name, tail in tails.items()}
        yield Told(settings, [each.payload for each in json_shape], lines)
    finally:
        for tail in tails.values():
            tail.kill()
        with clickhouse.connected(settings.clickhouse, database="default") as client:
            client.execute(f"DROP DATABASE {settings.clickhouse.database}")


def test_a_call_is_found_by_any_of_its_ids(told: Told) -> None:
    known = told.document(A_LEG, "--account", "acme")
    said = known["events"][0]
    for id_ in (B_LEG, "123Abc", f" {A_LEG} ", said["event_id"], said["callbacks"][0]["id"]):
        found = told.document(id_, "--account", "acme")
        assert (found["account"], found["call_id"]) == ("acme", A_LEG)
    assert told.document("q1-2")["call_id"] == "q1"


def test_of_several_calls_with_an_id_one_must_be_chosen(told: Told) -> None:
    result = told.call("123Abc")
    assert (result.returncode, result.stdout) == (1, "")
    first, *listed = result.stderr.splitlines()
    assert first == "callweave: 2 calls have this id; give an account (--account) or a call's own id:"
    assert [line.split()[1:3] for line in listed] == [["acme", A_LEG], ["other", A_LEG]]
    assert betrayed(result.stderr) == []


def test_an_id_that_no_call_has_is_one_sentence_that_does_not_repeat_it(told: Told) -> None:
    for arguments in (("87847569524",), (A_LEG, "--account", "nobody"), ("' OR 1 = 1 --",)):
        result = told.call(*arguments)
        where = " in this account" if "--account" in arguments else ""
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == f"callweave: No call has this id{where}.\n"


def test_the_document_holds_the_row_its_events_and_what_changed_it(told: Told) -> None:
    found = told.document(B_LEG, "--account", "acme", "--numbers")
    assert list(found) == [
        "account",
        "call_id",
        "call",
        "legs",
        "events",
        "cdr",
        "gaps",
        "provenance",
        "changes",
    ]
    row = found["call"]
    for name, value in ANSWERED.row.items():
        shown = value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if hasattr(value, "strftime") else value
        assert row[name] == shown, name
    assert row["has_cdr"] is True
    assert row["revision"] == len(ANSWERED.payloads) == len(found["events"])
    assert [leg["leg_id"] for leg in found["legs"]] == [A_LEG, B_LEG]
    assert found["cdr"]["talk_seconds"] == 90.0
    assert sorted(each["kind"] for each in found["events"]) == [
        "answer",
        "answer",
        "cdr",
        "hangup",
        "ring",
        "ring",
    ]
    assert sorted(len(each["callbacks"]) for each in found["events"]) == [1, 1, 1, 1, 1, 2]
    assert {gap["code"] for gap in found["gaps"]} >= {"disagreement"}
    outcomes = [each for each in found["changes"] if each["column"] == "outcome"]
    assert outcomes[-1]["after"] == row["outcome"]


def test_each_value_leads_to_the_bytes_that_it_came_from(told: Told) -> None:
    found = told.document(A_LEG, "--account", "acme")
    fields = {each["column"]: each for each in found["provenance"]}
    assert set(fields) == {as_column(name, None)[0] for name in ROW} - {"events", "revision"}
    places = {
        (origin["topic"], origin["partition"], origin["offset"]): origin["callback_id"]
        for each in found["provenance"]
        for origin in each["from"]
    }
    for (topic, partition, offset), callback_id in places.items():
        assert callback_at(told.settings, topic, partition, offset) == callback_id
    (cdr,) = [each["event_id"] for each in found["events"] if each["kind"] == "cdr"]
    for name in ("caller", "recording", "ring_seconds", "outcome"):
        assert [origin["event_id"] for origin in fields[name]["from"]] == [cdr]
    retried = next(each for each in found["events"] if len(each["callbacks"]) == 2)
    assert [origin["event_id"] for origin in fields["last_received_at"]["from"]] == [retried["event_id"]]
    assert [each["kind"] for each in fields["rang_at"]["from"]] == ["ring"]


def callback_at(settings: Settings, topic: str, partition: int, offset: int) -> str:
    consumer = KafkaConsumer(**client_options(settings.kafka), group_id=None, metrics_enabled=False)
    try:
        consumer.assign([TopicPartition(topic, partition)])
        consumer.seek(TopicPartition(topic, partition), offset)
        polled: dict[object, list[Any]] = {}
        eventually(lambda: bool(polled.update(consumer.poll(timeout_ms=500)) or polled), "the message")
        ((message, *_),) = polled.values()
        assert message.offset == offset
        return str(dict(message.headers)["id"].decode())
    finally:
        consumer.close(autocommit=False)


@pytest.mark.parametrize("options", [(), ("--raw",), ("--json",), ("--json", "--raw")])
def test_no_number_and_no_link_is_shown_unasked(told: Told, options: tuple[str, ...]) -> None:
    for id_, account in ((A_LEG, "acme"), (A_LEG, "other"), ("q1", "acme")):
        result = told.call(id_, "--account", account, *options)
        assert result.returncode == 0, result.stderr
        assert betrayed(result.stdout + result.stderr) == []
        asked = told.call(id_, "--account", account, *options, "--numbers")
        assert betrayed(asked.stdout), "asked for, they are shown"
    assert "***24" in told.call(A_LEG, "--account", "acme", *options).stdout


def test_raw_gives_the_bytes_as_they_came(told: Told) -> None:
    found = told.document(A_LEG, "--account", "acme", "--raw", "--numbers")
    kept = [each for said in found["events"] for each in said["callbacks"]]
    assert sorted(base64.b64decode(each["payload_base64"]) for each in kept) == sorted(
        [*told.payloads, told.payloads[1]]
    )
    page = told.call(A_LEG, "--account", "acme", "--raw", "--numbers").stdout
    for payload in told.payloads:
        assert payload.decode() in page


def test_the_page_has_all_parts(told: Told) -> None:
    page = told.call("q1").stdout
    for title in (
        "Call q1 of account acme",
        "Legs",
        "Events, by when they happened",
        "Callbacks that reported them",
        "CDR: none",
        "Gaps: none",
        "Where each value came from",
        "Changes",
    ):
        assert f"{title}\n" in page
    talked = [line.split() for line in page.splitlines() if line.startswith("  talk_seconds ")]
    # without the queue's hangup the call would not have ended; it ends the legs of all agents
    assert [each[1:5] for each in talked] == [["60", "s"], ["60", "s", "#7", "hangup"]]
    assert not any(line.endswith(" ") for line in page.splitlines())


def test_what_is_not_in_the_archive_any_more_is_a_gap(told: Told) -> None:
    lost = told.document("q1")["events"][0]["callbacks"][0]["id"]
    with clickhouse.connected(told.settings.clickhouse) as client:
        client.execute(
            "ALTER TABLE stored_callbacks DELETE WHERE id = %(id)s SETTINGS mutations_sync = 2", {"id": lost}
        )
    found = told.document("q1", "--raw")
    assert [gap["code"] for gap in found["gaps"]] == ["callback-missing"]
    kept = next(each for said in found["events"] for each in said["callbacks"] if each["id"] == lost)
    assert kept["topic"] is None
    assert "not in the archive" in told.call("q1", "--raw").stdout


def test_a_line_comes_for_each_change_of_what_is_shown_of_a_call(told: Told) -> None:
    assert betrayed(told.lines["all"]) == []
    ours = [line for line in told.lines["all"].splitlines() if f"acme  {A_LEG}" in line]
    assert all(one.split(A_LEG)[1] != two.split(A_LEG)[1] for one, two in itertools.pairwise(ours))
    assert ours[-1].endswith("complete   ***01 → ***24  ext 90240005  answered  ring 13 s  talk 90 s")
    rows = [json.loads(line) for line in told.lines["json"].splitlines()]
    assert betrayed(told.lines["json"]) == []
    last = {(row["account"], row["call_id"]): row for row in rows}
    assert set(last) == {("acme", A_LEG), ("other", A_LEG), ("acme", "q1")}
    assert {row["state"] for row in last.values()} == {"complete"}
    assert last["acme", "q1"]["talk_seconds"] == 60.0


def test_calls_are_followed_by_a_number_that_is_not_printed_unasked(told: Told) -> None:
    lines = told.lines["open"].splitlines()
    assert lines
    assert all(f"acme  {A_LEG}" in line and "87847569524" in line for line in lines)


def test_a_number_without_digits_is_wrong_usage_and_not_repeated(stack_settings: Settings) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "callweave", "tail", "--number", "secret"],
        env=environment(stack_settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert result.returncode == 2
    assert "--number" in result.stderr
    assert "secret" not in result.stderr


def publish(kafka: KafkaSettings, call_id: str) -> None:
    producer = KafkaProducer(**client_options(kafka), acks="all", metrics_enabled=False)
    try:
        value = record_of([event(ids=(call_id,), leg=call_id, caller="13800138024")]).to_json()
        for each in (b"no record", value):
            producer.send(kafka.topic(Topic.RECORDS), value=each, key=call_id.encode())
        producer.flush(timeout=PATIENCE)
    finally:
        producer.close(timeout=PATIENCE)


def test_tail_waits_for_a_broker_that_is_away_and_misses_nothing(tmp_path: Path) -> None:
    settings = new_settings("127.0.0.1:1", "127.0.0.1:1", tmp_path)
    node = kafka_node(tmp_path / "kafka")
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": node.bootstrap, "partitions": 2})
    settings = settings.model_copy(update={"kafka": kafka})
    with node:
        topics.ensure(settings)
        tail = Tail(settings, tmp_path)
        tail.says("Following calls")
        publish(kafka, "first")
        tail.prints("first")
    try:
        tail.says("does not answer")
        with node:
            tail.says("Kafka answers again.")
            publish(kafka, "second")
            tail.prints("second")
            assert tail.err.count("skipped a message that is not a record of a call") == 2
            assert "13800138024" not in tail.out + tail.err
            assert tail.stop() == 0
    finally:
        tail.kill()


def test_tail_says_that_no_broker_answers_and_goes_on_waiting(tmp_path: Path) -> None:
    tail = Tail(new_settings(f"127.0.0.1:{free_port()}", "127.0.0.1:1", tmp_path), tmp_path)
    try:
        tail.says("does not answer")
        assert tail.stop() == 0
        assert "Traceback" not in tail.err
    finally:
        tail.kill()


def test_tail_without_its_topic_says_what_to_do(kafka_address: str, tmp_path: Path) -> None:
    tail = Tail(new_settings(kafka_address, "127.0.0.1:1", tmp_path), tmp_path)
    try:
        eventually(lambda: "run `callweave topics`" in tail.err, "what to do")
        assert "Traceback" not in tail.err
    finally:
        tail.kill()


def test_call_without_tables_says_what_to_do(clickhouse_address: str, tmp_path: Path) -> None:
    settings = new_settings("127.0.0.1:1", clickhouse_address, tmp_path)
    result = ran(settings, "call", A_LEG)
    assert (result.returncode, result.stdout) == (1, "")
    assert "run `callweave migrate`" in result.stderr
