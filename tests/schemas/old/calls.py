"""From what is known of a call to the row that an analyst reads: the meaning of the `calls` view, in Python.

`sinks/queries/calls.sql` says the same in SQL; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

if TYPE_CHECKING:
    from schemas.records import Record

State = Literal["requested", "ringing", "answered", "ended", "complete"]
"""`requested`: somebody asked for the call, and nothing more is known."""

DIALECTS_WITH_CDR = frozenset({"common-api"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A row of `calls`; times are microseconds since 1970 UTC, durations microseconds, unknown is None."""

    uuid: str | None
    legs: tuple[str, ...]
    source: str
    dialect: str
    direction: str | None
    method: str | None
    caller: str | None
    callee: str | None
    display_number: str | None
    extension: str | None
    agent_id: str | None
    customer_ref: str | None
    campaign: str | None
    round: int | None
    tag: str | None
    variables: dict[str, str]
    requested_by: str | None
    requested_at: int | None
    started_at: int | None
    rang_at: int | None
    answered_at: int | None
    ended_at: int | None
    request_to_ring_time: int | None
    ring_time: int | None
    talk_time: int | None
    outcome: str
    """'' while the call is open."""
    hangup_cause: int | None
    hangup_direction: int | None
    recording: str | None
    state: State
    close_reason: str
    """'' unless the call was closed without its end: `timeout`, or `never_came` of a request alone."""
    reopened: bool
    """Whether news came after it had been closed without its end."""
    has_ring: bool
    has_answer: bool
    has_hangup: bool
    has_cdr: bool
    first_received_at: int
    last_received_at: int
    events: tuple[str, ...]
    revision: int
    """How many events it is made of."""


def call_of(record: Record) -> Call:
    """Read a record as an analyst does: where the CDR and the events disagree, the CDR wins."""
    kinds = record["kinds"]
    cdr: dict[str, Any] = record["cdr"][2] if "cdr" in record else {}
    has_cdr = "cdr" in record

    def said(name: str) -> Any:
        return cdr[name] if name in cdr else record[name][2] if name in record else None

    def number(name: str) -> int | None:
        value = said(name)
        return None if value is None else int(value)

    ended = _ended(record)
    outcome = _outcome(record, cdr, ended=ended)
    answered_at = cdr.get("answered_at") if has_cdr else _answered_at(record)
    ended_at = cdr.get("ended_at") or (max(record["ends"].values()) if ended else None)
    rang_at = _earliest(record.get("a_rang_at"), record.get("b_rang_at"))
    state = _state(record, ended=ended)
    close_reason = _close_reason(record, state)
    requested_at = record.get("requested_at")
    return Call(
        uuid=record.get("uuid"),
        legs=tuple(record["ids"]),
        source=record["sources"][0],
        dialect=record["dialects"][0],
        direction=said("direction"),
        method=said("method"),
        caller=said("caller"),
        callee=said("callee"),
        display_number=said("display_number"),
        extension=said("extension"),
        agent_id=said("agent_id"),
        customer_ref=said("customer_ref"),
        campaign=said("campaign"),
        round=number("round"),
        tag=said("tag"),
        variables=orjson.loads(record["variables"][2]) if "variables" in record else {},
        requested_by=said("requested_by"),
        requested_at=requested_at,
        started_at=cdr.get("started_at", record.get("started_at")),
        rang_at=rang_at,
        answered_at=answered_at,
        ended_at=ended_at,
        request_to_ring_time=_between(requested_at, rang_at),
        ring_time=_ring_time(record, cdr, outcome, answered_at, ended_at),
        talk_time=_talk_time(record, cdr, outcome, answered_at, ended_at),
        outcome=outcome,
        hangup_cause=number("hangup_cause"),
        hangup_direction=number("hangup_direction"),
        recording=said("recording"),
        state=state,
        close_reason=close_reason,
        reopened="closed" in record and not close_reason,
        has_ring="ring" in kinds or "dial" in kinds,
        has_answer="answer" in kinds,
        has_hangup="hangup" in kinds,
        has_cdr=has_cdr,
        first_received_at=record["first_received_at"],
        last_received_at=record["last_received_at"],
        events=tuple(record.get("events", ())),
        revision=len(record.get("events", ())),
    )


def is_complete(record: Record) -> bool:
    """Whether nothing more is expected: the CDR is in, or the call ended and its dialect sends none."""
    return "cdr" in record or (_ended(record) and DIALECTS_WITH_CDR.isdisjoint(record["dialects"]))


def _ended(record: Record) -> bool:
    """A hangup came, and one for every leg that must end by itself."""
    ends = record.get("ends", {})
    return bool(ends) and set(record.get("live", ())) <= ends.keys()


def _b_decides(record: Record) -> bool:
    """Once the call was put through to a B leg, only that leg's answer is the call's answer."""
    return "b_rang_at" in record or "b_answered_at" in record


def _answered_at(record: Record) -> int | None:
    return record.get("b_answered_at" if _b_decides(record) else "a_answered_at")


def _outcome(record: Record, cdr: dict[str, Any], *, ended: bool) -> str:
    if "outcome" in cdr:
        return str(cdr["outcome"])
    if not ended:
        return ""
    if _answered_at(record) is not None:
        return "answered"
    if "outcome" in record:
        return str(record["outcome"][2])
    return "unanswered"


def _state(record: Record, *, ended: bool) -> State:
    if is_complete(record):
        return "complete"
    if ended:
        return "ended"
    if record["kinds"] == ["requested"]:
        return "requested"
    return "ringing" if _answered_at(record) is None else "answered"


def _close_reason(record: Record, state: State) -> str:
    if "closed" not in record or state == "complete":
        return ""
    _, as_of, reason = record["closed"]
    if as_of < record["last_received_at"]:
        return ""
    return "never_came" if state == "requested" else str(reason)


def _ring_time(
    record: Record, cdr: dict[str, Any], outcome: str, answered_at: int | None, ended_at: int | None
) -> int | None:
    if "ring_time" in cdr:
        return int(cdr["ring_time"])
    if outcome == "answered" and answered_at is None:
        return None  # a queue or an IVR says that somebody answered, but not when
    rang_at = record.get("b_rang_at" if _b_decides(record) else "a_rang_at")
    return _between(rang_at, answered_at if answered_at is not None else ended_at)


def _talk_time(
    record: Record, cdr: dict[str, Any], outcome: str, answered_at: int | None, ended_at: int | None
) -> int | None:
    if "talk_time" in cdr:
        return int(cdr["talk_time"])
    if not outcome:
        return None
    if outcome != "answered":
        return 0
    if "talk_time" in record:
        return int(record["talk_time"][2])
    return _between(answered_at, ended_at)


def _between(start: int | None, end: int | None) -> int | None:
    """A duration; two clocks may disagree, but no duration is negative."""
    return None if start is None or end is None else max(0, end - start)


def _earliest(a: int | None, b: int | None) -> int | None:
    return min((each for each in (a, b) if each is not None), default=None)
