from __future__ import annotations

import ast
from typing import Any

import pytest

from schemas.callbacks import Stage
from schemas.documents.asyncapi import MESSAGES, TRAFFIC
from schemas.topics import SPECS, Topic
from tests.schemas.published import PUBLISHED, ROOT, read

FOLDERS = {
    Stage.INGEST: ("ingest/*.py",),
    Stage.NORMALIZE: ("processors/*.py", "processors/normalize/*.py"),
    Stage.CORRELATE: ("processors/*.py", "processors/correlate/*.py"),
    Stage.SINK: ("sinks/*.py", "operations/replay/*.py"),
}
"""Where a stage's code is."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return read("asyncapi.json")


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a reference within the document means."""
    assert reference.startswith("#/")
    found = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


@pytest.mark.parametrize("topic", MESSAGES)
def test_a_topic_is_a_channel_whose_messages_have_a_schema(document: dict[str, Any], topic: Topic) -> None:
    channel = document["channels"][topic.value]
    assert channel["address"] == topic.value
    assert SPECS[topic].key in channel["description"]
    assert SPECS[topic].value in channel["description"]
    assert set(channel["messages"]) == {message.name for message in MESSAGES[topic]} != set()
    for reference in channel["messages"].values():
        message = resolve(document, reference["$ref"])
        for part in ("payload", "headers"):
            if "$ref" in message.get(part, {}):
                assert (PUBLISHED / message[part]["$ref"]).is_file()
        assert "$ref" in message["payload"] or "$ref" in message["headers"]
        assert ("key" in message["bindings"]["kafka"]) == (SPECS[topic].key != "none")


@pytest.mark.parametrize("topic", MESSAGES)
def test_a_channel_says_how_long_its_topic_is_kept(document: dict[str, Any], topic: Topic) -> None:
    kafka = document["channels"][topic.value]["bindings"]["kafka"]["topicConfiguration"]
    said = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in kafka.items()}
    assert said == SPECS[topic].config


def test_there_are_no_other_channels(document: dict[str, Any]) -> None:
    assert set(document["channels"]) == {topic.value for topic in MESSAGES}
    assert set(Topic) - MESSAGES.keys() == {Topic.LINKS, Topic.REPLAY}, "they are between our own stages"


def test_every_operation_names_its_channel_and_all_messages_of_it(document: dict[str, Any]) -> None:
    for operation in document["operations"].values():
        channel = resolve(document, operation["channel"]["$ref"])
        named = [resolve(document, each["$ref"]) for each in operation["messages"]]
        assert named == list(channel["messages"].values())


def test_every_topic_is_sent_and_received_by_some_stage() -> None:
    assert {topic for traffic in TRAFFIC.values() for topic in traffic.sends} == set(Topic)
    assert {topic for traffic in TRAFFIC.values() for topic in traffic.receives} == set(Topic)


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_has_to_do_with_the_topics_that_its_code_names(stage: Stage) -> None:
    named = {
        Topic[node.attr]
        for pattern in FOLDERS[stage]
        for path in ROOT.glob(pattern)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Topic"
        and node.attr in Topic.__members__
    }
    assert named == {*TRAFFIC[stage].receives, *TRAFFIC[stage].sends}
