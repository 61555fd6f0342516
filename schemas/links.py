"""What correlators tell each other about legs, through `calls.links`: keyed by the leg that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from schemas.events import CallEvent

if TYPE_CHECKING:
    from schemas.records import Record

VERSION = 1


@dataclass(frozen=True, slots=True)
class Link:
    """This leg belongs to the same call as the smaller leg `to`."""

    to: str


@dataclass(frozen=True, slots=True)
class Merge:
    """What is known of another leg that belongs to this leg's call."""

    record: Record


@dataclass(frozen=True, slots=True)
class Events:
    """What is known of another leg that belongs to this leg's call."""

    events: tuple[CallEvent, ...]


Told = Link | Merge | Events | CallEvent
"""A `CallEvent` here is one that another leg received and forwarded."""


def told_to_json(told: Told) -> bytes:
    """As in `calls.links`."""
    if isinstance(told, Link):
        return orjson.dumps({"v": VERSION, "type": "link", "to": told.to})
    if isinstance(told, Merge):
        return orjson.dumps({"v": VERSION, "type": "merge", "record": told.record})
    if isinstance(told, Events):
        events = [event.to_dict() for event in told.events]
        return orjson.dumps({"v": VERSION, "type": "events", "events": events})
    return b'{"v":%d,"type":"event","event":%b}' % (VERSION, told.to_json())


def told_from_json(value: bytes) -> Told:
    """Read a message of `calls.links`; ValueError, KeyError or TypeError if it is none."""
    read = orjson.loads(value)
    if read["type"] == "link":
        return Link(read["to"])
    if read["type"] == "merge":
        return Merge(read["record"])
    if read["type"] == "events":
        return Events(tuple(CallEvent.from_dict(event) for event in read["events"]))
    if read["type"] == "event":
        return CallEvent.from_dict(read["event"])
    raise ValueError("neither a link, nor a merge, nor an event")
