"""The AsyncAPI 3.0 document: every topic as a channel, and which stage sends and receives there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.callbacks import Stage
from schemas.documents import messages
from schemas.topics import SPECS, Topic

if TYPE_CHECKING:
    from schemas.events import Json
    from schemas.topics import TopicSpec

BINDING = "0.5.0"
"""Of AsyncAPI's Kafka bindings."""

VERSION = "2.0.0"
"""The vocabulary's version: additions raise the second number, what would break a reader the first."""


@dataclass(frozen=True)
class Message:
    """A kind of message of a topic, with the files of its value's and its headers' schemas."""

    name: str
    summary: str
    value: str = ""
    """'' for opaque bytes."""
    headers: str = ""
    """'' for a message without headers."""


MESSAGES: dict[Topic, tuple[Message, ...]] = {
    Topic.RAW: (Message("Callback", "One HTTP request from a provider.", headers=messages.CALLBACK),),
    Topic.REJECTED: (
        Message("RejectedCallback", "A callback that can't be used, and why.", headers=messages.REJECTION),
    ),
    Topic.EVENTS: (Message("CallEvent", "What one callback says.", value=messages.EVENT),),
    Topic.RECORDS: (Message("CallRecord", "The row of a call, or that it is gone.", value=messages.RECORD),),
}
"""Of topics that others may read: those between our own stages have no schema that we would have to keep."""


@dataclass(frozen=True)
class Traffic:
    """The topics that a stage reads and writes."""

    receives: tuple[Topic, ...]
    sends: tuple[Topic, ...]


TRAFFIC: dict[Stage, Traffic] = {
    Stage.INGEST: Traffic(receives=(), sends=(Topic.RAW, Topic.REJECTED)),
    Stage.NORMALIZE: Traffic(receives=(Topic.RAW, Topic.REPLAY), sends=(Topic.EVENTS, Topic.REJECTED)),
    Stage.CORRELATE: Traffic(
        receives=(Topic.EVENTS, Topic.LINKS),
        sends=(Topic.EVENTS, Topic.LINKS, Topic.RECORDS, Topic.REJECTED),  # events: what closes calls
    ),
    Stage.SINK: Traffic(
        receives=(Topic.RAW, Topic.REJECTED, Topic.EVENTS, Topic.RECORDS),
        # what a leg without state asked for; and what is archived, for `callweave replay`
        sends=(Topic.LINKS, Topic.REPLAY),
    ),
}


def document() -> Json:
    """Build the whole document; it is written beside the schemas that it refers to."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "callweave",
            "version": VERSION,
            "description": "The topics between the stages of callweave, which turns the webhooks of "
            "telephony providers into one record per call. An installation may put a prefix before every "
            "topic's name. The schemas are JSON Schema 2020-12; fields that they don't list are allowed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.value: _channel(spec) for topic, spec in SPECS.items() if topic in MESSAGES},
        "operations": _operations(),
        "components": {
            "messages": {
                message.name: _message(SPECS[topic], message)
                for topic, kinds in MESSAGES.items()
                for message in kinds
            }
        },
    }


def _channel(spec: TopicSpec) -> Json:
    return {
        "address": spec.topic.value,
        "title": spec.topic.value,
        "description": f"Key: {spec.key}. Value: {spec.value}.",
        "messages": {
            each.name: {"$ref": f"#/components/messages/{each.name}"} for each in MESSAGES[spec.topic]
        },
        "bindings": {"kafka": {"topicConfiguration": _configuration(spec.config), "bindingVersion": BINDING}},
    }


def _configuration(config: dict[str, str]) -> Json:
    """Topic settings in the types that AsyncAPI wants; Kafka uses strings."""
    typed: Json = {
        name: int(value) if value.lstrip("-").isdigit() else value for name, value in sorted(config.items())
    }
    if "cleanup.policy" in config:
        typed["cleanup.policy"] = config["cleanup.policy"].split(",")
    return typed


def _message(spec: TopicSpec, message: Message) -> Json:
    described: Json = {"name": message.name, "title": message.name, "summary": message.summary}
    if message.headers:
        described["headers"] = {"$ref": f"./{message.headers}"}
    if message.value:
        described["contentType"] = "application/json"
        described["payload"] = {"$ref": f"./{message.value}"}
    else:
        described["contentType"] = "application/octet-stream"
        described["payload"] = {"type": "string", "format": "binary", "description": f"{spec.value}."}
    kafka: Json = {"bindingVersion": BINDING}
    if spec.key != "none":
        kafka["key"] = {"type": "string", "pattern": "^[^/]*/", "description": f"{spec.key}."}
    return described | {"bindings": {"kafka": kafka}}


def _operations() -> Json:
    return {
        f"{stage.value}.{action}.{topic.value}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.value}"},
            "summary": f"{stage.value} {action}s {topic.value}",
            "messages": [
                {"$ref": f"#/channels/{topic.value}/messages/{message.name}"} for message in MESSAGES[topic]
            ],
        }
        for stage, traffic in TRAFFIC.items()
        for action, topics in (("receive", traffic.receives), ("send", traffic.sends))
        for topic in topics
        if topic in MESSAGES
    }
