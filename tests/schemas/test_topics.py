from __future__ import annotations

from schemas.topics import SPECS, Topic, topic_key


def test_every_topic_says_what_it_carries_and_how_long_it_is_kept() -> None:
    assert set(SPECS) == set(Topic)
    for topic, spec in SPECS.items():
        assert spec.topic is topic
        assert spec.key
        assert spec.value
        assert spec.config["cleanup.policy"] in {"delete", "compact"}
        assert ("retention.ms" in spec.config) == (spec.config["cleanup.policy"] == "delete")


def test_what_is_rejected_is_kept_longer_than_what_came() -> None:
    kept = {topic: int(SPECS[topic].config["retention.ms"]) for topic in (Topic.RAW, Topic.REJECTED)}
    assert kept[Topic.REJECTED] > kept[Topic.RAW]


def test_a_key_carries_the_account_and_the_leg() -> None:
    assert topic_key("acme", "9c568ac8/ä") == "acme/9c568ac8/ä".encode()
    assert topic_key("acme", "") == b"acme/"
