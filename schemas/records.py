"""What is known of a call so far: its fields, each with the one rule by which two values of it merge.

The correlator's state, the `call_records` table and the tests all follow `FIELDS`. A record is a JSON object
with some of these fields; times are microseconds since 1970 UTC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from schemas.dialects import LEGS_END_APART
from schemas.lattice import (
    EACH_EARLIEST,
    EARLIEST,
    LARGEST,
    LATEST,
    LATEST_WHOLE,
    PREFERRED,
    SMALLEST,
    UNION,
    Fields,
    each,
    merge,
)

if TYPE_CHECKING:
    from schemas.events import CallEvent

VERSION = 1

Record = dict[str, Any]

LEG_FIELDS: Fields = {
    "side": LARGEST.of("`a` or `b`: a leg that was somebody's B leg once is one."),
    "extension": PREFERRED.of("The customer's extension at this leg."),
    "rang_at": EARLIEST.of("When the leg was first offered to its party."),
    "answered_at": EARLIEST.of("When its party answered."),
    "ended_at": EARLIEST.of("When it ended."),
    "outcome": PREFERRED.of("How the leg's own part ended."),
}

FIELDS: Fields = {
    "merged_into": SMALLEST.of("The smaller leg id that this record's call turned out to belong to."),
    "ids": UNION.of("Every id that named the call or a leg of it, as the provider wrote it."),
    "uuid": SMALLEST,
    "sources": UNION.of("The sources that told of it."),
    "dialects": UNION.of("The dialects in which they did."),
    "kinds": UNION.of("Which kinds of event have come."),
    "events": UNION.of("The ids of the events that it is made of."),
    "first_received_at": EARLIEST.of("When the first callback of it came."),
    "last_received_at": LATEST.of("When the last callback of it came."),
    "requested_at": EARLIEST.of("When the call was asked for."),
    "started_at": EARLIEST,
    "a_rang_at": EARLIEST.of("When any leg but those of side b rang."),
    "a_answered_at": EARLIEST.of("When any leg but those of side b was answered."),
    "b_rang_at": EARLIEST.of("When a leg of side b rang."),
    "b_answered_at": EARLIEST.of("When a leg of side b was answered: the call's answer, once there is one."),
    "live": UNION.of("Legs whose own end must come before the call's end."),
    "ends": EACH_EARLIEST.of("Leg id to its end."),
    "direction": PREFERRED,
    "method": PREFERRED,
    "caller": PREFERRED,
    "callee": PREFERRED,
    "display_number": PREFERRED,
    "extension": PREFERRED.of("Who answered, rather than who was rung first."),
    "agent_id": PREFERRED,
    "customer_ref": PREFERRED,
    "campaign": PREFERRED,
    "round": PREFERRED.of("Which attempt of a campaign, in decimal digits."),
    "tag": PREFERRED,
    "variables": PREFERRED.of("What the request hands to the provider's scripts: a JSON object of texts."),
    "requested_by": PREFERRED,
    "recording": PREFERRED,
    "hangup_cause": PREFERRED.of("The provider's code, in decimal digits."),
    "hangup_direction": PREFERRED.of("The provider's code, in decimal digits."),
    "outcome": PREFERRED.of("What the events say of how the call ended; the CDR is believed before them."),
    "talk_time": PREFERRED.of("How long the parties talked: microseconds, in decimal digits."),
    "cdr": LATEST_WHOLE.of("The latest CDR: when it came, its event's id, and what it says of the call."),
    "closed": PREFERRED.of(
        "Closed in silence: [1, `last_received_at` of then, why]. News received later reopens it."
    ),
    "legs": each(LEG_FIELDS).of("Leg id to what is known of that leg."),
}

DESCRIBED = (
    "direction",
    "method",
    "caller",
    "callee",
    "display_number",
    "agent_id",
    "customer_ref",
    "campaign",
    "round",
    "recording",
    "hangup_cause",
    "hangup_direction",
)
"""What any event may say of its call: the earliest that does is believed."""

BILLED = (
    *DESCRIBED,
    "extension",
    "started_at",
    "answered_at",
    "ended_at",
    "ring_time",
    "talk_time",
    "outcome",
)
"""What a CDR says of its call."""

_OFFERED = frozenset({"ring", "dial"})


def join(a: Record, b: Record) -> Record:
    """Merge what two records know of one call; neither is changed."""
    return merge(FIELDS, a, b)


def record_of(event: CallEvent) -> Record:
    """What one event alone lets us know of its call."""
    record: Record = {
        "ids": list(event.ids),
        "sources": [event.source],
        "dialects": [event.dialect],
        "kinds": [event.kind],
        "events": [event.event_id],
        "first_received_at": event.received_at,
        "last_received_at": event.received_at,
    }
    if event.uuid is not None:
        record["uuid"] = event.uuid
    record.update(_asked(event))
    if event.kind == "cdr":
        billed = {name: value for name in BILLED if (value := getattr(event, name)) is not None}
        record["cdr"] = [event.received_at, event.event_id, billed]
        return record
    record.update(_described(event))
    record.update(_happened(event))
    return record


def _asked(event: CallEvent) -> Record:
    """What the event, be it a CDR, says of the request for the call: the request itself is believed first."""
    requested = event.kind == "requested"
    belief = [2 if requested else 1, -event.occurred_at]
    said: Record = {"requested_at": event.occurred_at} if requested else {}
    if event.tag is not None:
        said["tag"] = [*belief, event.tag]
    if event.requested_by is not None:
        said["requested_by"] = [*belief, event.requested_by]
    if event.variables:
        said["variables"] = [*belief, variables_to_text(event.variables)]
    return said


def variables_to_text(variables: dict[str, str]) -> str:
    """As JSON, the same for the same variables whatever their order."""
    return orjson.dumps(variables, option=orjson.OPT_SORT_KEYS).decode()


def _described(event: CallEvent) -> Record:
    """The call's properties, as this event has them; the earliest event is believed.

    But first the side that the call was put through to: the other may know of its own leg alone.
    """
    order = -event.occurred_at
    rank = 2 if event.side == "b" else 1
    said: Record = {
        name: [rank, order, str(value)] for name in DESCRIBED if (value := getattr(event, name)) is not None
    }
    if event.started_at is not None:
        said["started_at"] = event.started_at
    if event.extension is not None:
        # who answered is the call's extension, rather than who was rung first
        said["extension"] = [2 if event.kind == "answer" else 1, order, event.extension]
    # a queue's own leg knows best, then the leg that the call was put through to
    rank = 3 if event.bridged is not None else rank
    if event.outcome is not None:
        # of legs that stand alike, one that was answered makes it an answered call
        said["outcome"] = [2 * rank + (event.outcome == "answered"), event.occurred_at, event.outcome]
    if event.talk_time is not None:
        # a queue's own leg that nobody answered behind it has been waiting, not talking
        rank = 1 if event.bridged is False else rank
        said["talk_time"] = [rank, event.talk_time, str(event.talk_time)]
    return said


def _happened(event: CallEvent) -> Record:
    """What the event did to its leg, and through it to the call."""
    leg: Record = {}
    call: Record = {}
    if event.side is not None:
        leg["side"] = event.side
    if event.extension is not None:
        # later events of a queue's call to an agent don't always tell the two apart
        leg["extension"] = [2 if event.kind in _OFFERED else 1, -event.occurred_at, event.extension]
    if event.outcome is not None:
        leg["outcome"] = [1, event.occurred_at, event.outcome]
    side = "b" if event.side == "b" else "a"
    if event.kind in _OFFERED:
        leg["rang_at"] = call[f"{side}_rang_at"] = event.occurred_at
    elif event.kind == "answer":
        leg["answered_at"] = call[f"{side}_answered_at"] = event.occurred_at
    elif event.kind == "hangup":
        leg["ended_at"] = event.occurred_at
        ended = [event.leg] if _ends_apart(event) else [event.leg, *event.ids]
        call["ends"] = dict.fromkeys(ended, event.occurred_at)
    if _ends_apart(event) and (event.kind in _OFFERED or event.kind == "answer"):
        call["live"] = [event.leg]
    if event.leg:
        call["legs"] = {event.leg: leg}
    return call


def _ends_apart(event: CallEvent) -> bool:
    """Whether the call may go on once this leg has hung up, as when the next agent is rung."""
    return event.dialect in LEGS_END_APART or event.side == "b"


def record_to_json(account: str, call_id: str, record: Record) -> bytes:
    """As in `calls.records`."""
    return orjson.dumps({"v": VERSION, "account": account, "call_id": call_id, **record})


def record_from_json(value: bytes) -> tuple[str, str, Record]:
    """Read a message of `calls.records`: account, call id, record. ValueError or KeyError if it is none."""
    record: Record = orjson.loads(value)
    record.pop("v", None)
    return record.pop("account"), record.pop("call_id"), record
