"""`callweave audit`, `replay` and `rejected` as commands, with topics and tables but no stage at work."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from callweave.commands.spans import Moment
from processors.normalize.outcome import UNKNOWN_SOURCE
from runtime import topics
from schemas.callbacks import Rejection, Stage
from schemas.topics import Topic
from sinks.batch import Batch
from sinks.rows import read
from sinks.store import Store
from tests.kit.commands import callweave
from tests.kit.messages import StoredMessage
from tests.pipeline import environment
from tests.sinks.flow import Flow

if TYPE_CHECKING:
    from runtime.settings import Settings
    from schemas.callbacks import Callback

NUMBER = b"13800138000"


@pytest.fixture
def settings(stack_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of the test, in the environment."""
    for name, value in environment(stack_settings).items():
        if name.startswith("CALLWEAVE_"):
            monkeypatch.setenv(name, value)
    return stack_settings


def audit(*options: str) -> tuple[int, dict[str, Any]]:
    result = callweave("audit", "--json", *options)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def rejected(settings: Settings, callback: Callback) -> None:
    """Stored as the sink does."""
    rejection = Rejection(Stage.NORMALIZE, (UNKNOWN_SOURCE,), "t", 0, 0)
    headers = [*callback.headers(), *rejection.headers()]
    message = StoredMessage("r", value=callback.payload, headers=headers)
    batch = Batch()
    batch.add(message, read(Topic.REJECTED, message), 0.0)
    store = Store(settings)
    assert [taken.error for _, taken in store.insert(batch.inserts()) if taken.error] == []
    store.close()


def test_the_exit_status_says_what_is_known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing yet; then a callback that waits for its stages; then one that the sink has passed over."""
    assert audit()[0] == 0
    with Flow(settings) as flow:
        callback = flow.callback(b"caller=%b" % NUMBER)
        flow.accept(callback)
        flow.flush()
    status, report = audit()
    assert (status, report["verdict"]) == (3, "untold")
    assert {lag["topic"] for lag in report["lags"]} == {settings.kafka.topic(Topic.RAW)}
    assert sum(lag["messages"] for lag in report["lags"]) == 2  # of normalize and of the sink
    (partition,) = {lag["partition"] for lag in report["lags"]}
    name = settings.kafka.topic(Topic.RAW)
    with topics.admin(settings.kafka) as admin:
        committed = {TopicPartition(name, partition): OffsetAndMetadata(1, "", -1)}
        admin.alter_group_offsets(settings.kafka.group("sink"), committed)
    status, report = audit()
    assert (status, report["verdict"]) == (1, "hole")
    assert report["sources"]["shop"]["acknowledged"] == 1
    (hole,) = report["holes"]
    assert (hole["problem"], hole["callback_id"]) == ("not-archived", callback.id)
    assert (hole["topic"], hole["partition"], hole["offset"]) == (name, partition, 0)
    assert audit("--source", "other")[0] == 3
    later = "2100-01-01T00:00:00Z"
    assert audit("--since", later)[1]["holes"] == []
    text = callweave("audit")
    assert text.returncode == 1
    assert callback.id in text.stdout
    assert "to go" in text.stderr
    assert NUMBER.decode() not in text.stdout + text.stderr
    assert_without_topics_and_tables_nothing_can_be_told(monkeypatch)


def assert_without_topics_and_tables_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("CALLWEAVE_CLICKHOUSE__DATABASE", "nobody_made_this")
        assert callweave("audit").returncode == 3
    monkeypatch.setenv("CALLWEAVE_KAFKA__PREFIX", "nobody-made-these.")
    result = callweave("audit")
    assert result.returncode == 3
    assert "run `callweave topics`" in result.stderr


def test_with_wrong_settings_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLWEAVE_SETTINGS", "/dev/null")
    monkeypatch.setenv("CALLWEAVE_CLICKHOUSE__PORT", "x")
    monkeypatch.setenv("CALLWEAVE_INGEST__PORT", "99999")
    result = callweave("audit")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.splitlines() == [
        "callweave: settings: CALLWEAVE_CLICKHOUSE__PORT (clickhouse.port): must be a whole number",
        "callweave: settings: CALLWEAVE_INGEST__PORT (ingest.port): must be ≤ 65535",
    ]


def test_a_rejected_callback_is_shown_with_its_numbers_masked(settings: Settings) -> None:
    with Flow(settings) as flow:
        callback = flow.callback(b'{"status": "sneeze", "caller": "%b"}\x1b' % NUMBER)
    rejected(settings, callback)
    listed = callweave("rejected", "list", "--json")
    assert json.loads(listed.stdout) == {
        "source": "shop",
        "stage": "normalize",
        "codes": ["unknown-source"],
        "fields": [""],
        "callbacks": 1,
        "first": "2021-02-09T02:00:00+00:00",
        "last": "2021-02-09T02:00:00+00:00",
        "example": callback.id,
    }
    assert "unknown-source" in callweave("rejected", "list").stdout
    assert json.loads(callweave("rejected", "list", "--json", "--reason", "other").stdout or "null") is None
    shown = callweave("rejected", "show", callback.id).stdout
    assert NUMBER.decode() not in shown
    assert "***00" in shown
    assert "\x1b" not in shown
    assert NUMBER.decode() in callweave("rejected", "show", callback.id, "--raw").stdout
    assert callweave("rejected", "show", "nobody").returncode == 1
    told = callweave("rejected", "redrive", "--dry-run").stdout
    assert re.search(r"shop .*rejected: unknown-source .*1", told)
    told = callweave("replay", "--dry-run").stdout
    assert re.search(r"shop .*1", told)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-02", 86_400_000_000),
        ("1970-01-01T00:00:01.5", 1_500_000),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1969-12-31T23:59:59Z", -1_000_000),
    ],
)
def test_a_moment_is_iso_8601_and_utc_unless_it_says_otherwise(text: str, microseconds: int) -> None:
    assert Moment().convert(text, None, None) == microseconds
