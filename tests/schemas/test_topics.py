from __future__ import annotations

from schemas.topics import SPECS, Topic, insync_replicas, topic_key

MADE_FROM = {
    Topic.REJECTED: {Topic.RAW, Topic.EVENTS, Topic.LINKS},
    Topic.EVENTS: {Topic.RAW, Topic.REPLAY},
    Topic.LINKS: {Topic.EVENTS},
    Topic.RECORDS: {Topic.EVENTS, Topic.LINKS},
}


def test_every_topic_says_what_it_carries_and_how_long_it_is_kept() -> None:
    assert set(SPECS) == set(Topic)
    for topic, spec in SPECS.items():
        assert spec.topic is topic
        assert spec.key
        assert spec.value
        assert spec.config["cleanup.policy"] == "delete"
        assert int(spec.config["retention.ms"]) > 0
        assert int(spec.config["max.message.bytes"]) > 0
        assert spec.config["unclean.leader.election.enable"] == "false"


def test_no_topic_is_kept_shorter_or_takes_less_than_what_it_is_made_from() -> None:
    for topic, sources in MADE_FROM.items():
        for name in ("retention.ms", "max.message.bytes"):
            assert all(int(SPECS[topic].config[name]) >= int(SPECS[each].config[name]) for each in sources)


def test_one_broker_of_several_may_be_down() -> None:
    assert [insync_replicas(replicas) for replicas in (1, 2, 3, 5)] == [1, 1, 2, 4]


def test_what_is_rejected_is_kept_longer_than_what_came() -> None:
    kept = {topic: int(SPECS[topic].config["retention.ms"]) for topic in (Topic.RAW, Topic.REJECTED)}
    assert kept[Topic.REJECTED] > kept[Topic.RAW]


def test_a_key_carries_the_account_and_the_leg() -> None:
    assert topic_key("acme", "9c568ac8/ä") == "acme/9c568ac8/ä".encode()
    assert topic_key("acme", "") == b"acme/"
