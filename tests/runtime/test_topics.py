from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError, TopicAuthorizationFailedError

from runtime.addresses import free_port
from runtime.errors import StartError
from runtime.kafka import client_options
from runtime.settings import KafkaSettings, Settings
from runtime.topics import Drift, Effect, TopicReport, TopicState, compare, ensure, inspect, trouble, wanted
from schemas.topics import Topic

STATE = TopicState(4, 3, {"cleanup.policy": "delete", "retention.ms": "1000"})


def drifts(found: TopicState) -> tuple[Drift, ...]:
    (report,) = compare({"a": STATE}, {"a": found})
    assert not report.missing
    return report.drifts


def test_a_topic_as_wished_has_no_drift() -> None:
    more = {**STATE.config, "segment.bytes": "5"}
    assert drifts(replace(STATE, config=more)) == ()


def test_a_missing_topic() -> None:
    assert compare({"a": STATE}, {"b": STATE}) == [TopicReport("a", missing=True)]


def test_partitions_and_cleanup_break_the_pipeline_and_the_rest_may_be_wished() -> None:
    found = TopicState(8, 1, {"cleanup.policy": "compact", "retention.ms": "2000"})
    assert drifts(found) == (
        Drift("partitions", "8", "4", Effect.BREAKS),
        Drift("replication factor", "1", "3", Effect.LOSES),
        Drift("cleanup.policy", "compact", "delete", Effect.BREAKS),
        Drift("retention.ms", "2000", "1000", Effect.NOTHING),
    )


def test_what_is_wished_for_is_every_topic_under_its_prefix() -> None:
    wish = wanted(KafkaSettings(prefix="staging.", partitions=7, replication_factor=2))
    assert set(wish) == {f"staging.{topic}" for topic in Topic}
    assert {(state.partitions, state.replication) for state in wish.values()} == {(7, 2)}
    assert wish["staging.calls.records"].config["cleanup.policy"] == "delete"
    assert {state.config["min.insync.replicas"] for state in wish.values()} == {"1"}
    (wider,) = {
        state.config["min.insync.replicas"] for state in wanted(KafkaSettings(replication_factor=3)).values()
    }
    assert wider == "2"


def test_a_topic_that_takes_less_than_we_send_breaks_the_pipeline_and_one_that_takes_more_does_not() -> None:
    for found, effect in (("4", Effect.BREAKS), ("6", Effect.NOTHING)):
        wish, state = (replace(STATE, config={"max.message.bytes": size}) for size in ("5", found))
        (report,) = compare({"a": wish}, {"a": state})
        assert report.drifts == (Drift("max.message.bytes", found, "5", effect),)


@pytest.mark.parametrize(
    ("key", "found", "effect"),
    [
        ("retention.ms", "999", Effect.LOSES),
        ("retention.ms", "1001", Effect.NOTHING),
        ("retention.ms", "-1", Effect.NOTHING),
        ("retention.bytes", "1000000", Effect.LOSES),
        ("compression.type", "gzip", Effect.NOTHING),
        ("unclean.leader.election.enable", "true", Effect.LOSES),
        ("min.insync.replicas", "1", Effect.LOSES),
        ("min.insync.replicas", "3", Effect.NOTHING),
    ],
)
def test_a_topic_that_keeps_less_than_we_wish_loses_messages_and_breaks_nothing(
    key: str, found: str, effect: Effect
) -> None:
    config = {
        "retention.ms": "1000",
        "retention.bytes": "-1",
        "compression.type": "producer",
        "unclean.leader.election.enable": "false",
        "min.insync.replicas": "2",
    }
    wish, state = replace(STATE, config=config), replace(STATE, config={**config, key: found})
    (report,) = compare({"a": wish}, {"a": state})
    assert report.drifts == (Drift(key, found, config[key], effect),)
    assert (report.breaks, report.loses) == (False, effect is Effect.LOSES)
    assert report.differences == f"{key} is {found}, not {config[key]}"


def test_the_changelog_is_looked_at_once_it_is_there(kafka: KafkaSettings) -> None:
    settings = Settings(kafka=kafka)
    assert {report.name for report in ensure(settings)} == {kafka.topic(topic) for topic in Topic}
    client = KafkaAdminClient(**client_options(kafka))
    client.create_topics(
        {kafka.changelog: {"num_partitions": kafka.partitions, "replication_factor": 1, "configs": {}}}
    )
    client.wait_for_topics([kafka.changelog])
    client.close()
    for run in (ensure, inspect):
        (report,) = (each for each in run(settings) if each.name == kafka.changelog)
        assert report.breaks
        assert "cleanup.policy is delete, not compact" in report.differences


def test_topics_are_made_once_and_then_found(kafka: KafkaSettings) -> None:
    settings = Settings(kafka=kafka)
    assert all(report.missing for report in inspect(settings))
    first = ensure(settings)
    assert [report.name for report in first] == [kafka.topic(topic) for topic in Topic]
    assert all(report.missing for report in first)
    assert ensure(settings) == [TopicReport(kafka.topic(topic), missing=False) for topic in Topic]
    assert inspect(settings) == ensure(settings)


def test_two_processes_may_make_them_at_the_same_time(kafka: KafkaSettings) -> None:
    settings = Settings(kafka=kafka)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(ensure, settings) for _ in range(4)]
        assert all(len(run.result()) == len(Topic) for run in runs)
    assert not any(report.missing or report.drifts for report in inspect(settings))


def test_a_topic_that_is_there_is_never_changed(kafka: KafkaSettings) -> None:
    name = kafka.topic(Topic.EVENTS)
    client = KafkaAdminClient(**client_options(kafka))
    client.create_topics(
        {name: {"num_partitions": 2, "replication_factor": 1, "configs": {"retention.ms": "3600000"}}}
    )
    client.wait_for_topics([name])
    client.close()
    for run in (ensure, ensure, inspect):
        report = next(report for report in run(Settings(kafka=kafka)) if report.name == name)
        assert report.breaks
        assert [(drift.setting, drift.found) for drift in report.drifts] == [
            ("partitions", "2"),
            ("retention.ms", "3600000"),
        ]


def test_too_few_brokers_is_one_clear_sentence(kafka: KafkaSettings) -> None:
    with pytest.raises(StartError, match=r"too few brokers for kafka\.replication_factor = 9"):
        ensure(Settings(kafka=kafka.model_copy(update={"replication_factor": 9})))


@pytest.mark.server  # waits ten seconds for one
def test_no_broker_is_one_clear_sentence() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(StartError) as raised:
        ensure(Settings(kafka=KafkaSettings(bootstrap_servers=address)))
    assert str(raised.value).startswith(f"Kafka at {address} does not answer (")


def test_who_waited_in_vain_is_told_that_a_leader_may_be_missing() -> None:
    assert "whether each partition has a leader" in trouble(KafkaSettings(), KafkaTimeoutError())


def test_partitions_that_take_no_messages_are_reported() -> None:
    (report,) = compare({"a": STATE}, {"a": replace(STATE, halted=(0, 3))})
    assert (report.drifts, report.halted) == ((), (0, 3))


def test_what_a_login_or_a_right_that_is_refused_is_called() -> None:
    settings = KafkaSettings(bootstrap_servers="b:1")
    assert "check kafka.sasl_username" in trouble(settings, SaslAuthenticationFailedError("for user me"))
    assert "grant it to our user" in trouble(settings, TopicAuthorizationFailedError())
