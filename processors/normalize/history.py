"""What the provider says of a call when it is asked, as `callweave backfill` publishes it.

    {"v": 1, "call_id": the name that was asked for, "asked_at": µs, "answer": {…}}

Document 004 names the resource, `GET /client/{client_id}/call_history/{call_uuid}`, and leaves its fields to
another document. Those read here are assumed, after recordings of public clients of the API:

- `init_time_gmt`, `start_time_gmt`, `bridged_time_gmt`, `hangup_time_gmt`: UTC, as in `2021-01-01 16:29:38`,
  with or without a fraction of a second; null for what did not happen. `bridged` is when the two parties were
  put through to each other; a queue or an IVR `start`s a call that nobody has answered yet.
- `duration` and `bridged_duration`: whole seconds.
- `result`: `bridged`, `answered`, `not answered`, `busy`, `rejected`, `failed`; with `hangup_disposition`
  `caller_cancel` where the caller did not want to wait.
- `flow`: `in` or `out`. `from_username`, `to_username`, `did_number`, `extension_name`, `extension_type`.
- `cdr`: the parts of the call, some with a `record_uuid`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from processors.normalize.dial import doubts_of, one_id, part
from processors.normalize.event import between, distinct
from processors.normalize.fields import Fields
from processors.normalize.local_time import read_time
from schemas.events import CallEvent
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.normalize.event import Origin
    from schemas.events import Direction, Outcome

UTC = ZoneInfo("UTC")
DIRECTIONS: Mapping[str, Direction] = {"in": "inbound", "out": "outbound"}

OUTCOMES: Mapping[str, Outcome] = {
    "bridged": "answered",
    "answered": "answered",
    "not answered": "unanswered",
    "busy": "busy",
    "rejected": "busy",
    "failed": "congestion",
}
"""By `result`."""

SAYS_NO_MORE = frozenset({"answered", "not answered", "busy"})
"""Results whose outcome says all of it; the others stay readable among the other fields."""


def events_of(fields: Fields, origin: Origin) -> tuple[CallEvent, ...]:
    """The event; none if there is a reason against it."""
    answer = part(fields, "answer")
    fields.understood("v", "asked_at")
    asked_for = one_id(fields, "call_id")
    fields.needs("answer")
    call_uuid = answer.id("call_uuid")
    started_at = _started_at(answer)
    bridged_at = read_time(answer, "bridged_time_gmt", UTC)
    ended_at = read_time(answer, "hangup_time_gmt", UTC)
    if ended_at is None and not answer.doubted("hangup_time_gmt") and not fields.doubts:
        fields.reject("hangup_time_gmt", "missing", "the call is not over, and so has no history yet")
    if asked_for is None or fields.reasons:
        return ()
    outcome = _outcome(answer, bridged=bridged_at is not None)
    answered_at = _answered_at(answer, bridged_at, outcome)
    talk_time = _talk_time(answer, answered_at, ended_at, outcome)
    direction = _direction(answer)
    return (
        CallEvent(
            **origin.stamp(ended_at),
            kind="cdr",
            ids=distinct([asked_for, call_uuid]),
            leg=asked_for,
            direction=direction,
            caller=answer.number("from_username"),
            callee=_callee(answer, direction),
            display_number=answer.number("did_number"),
            extension=answer.text("extension_name"),
            recording=_recording(answer),
            outcome=outcome,
            started_at=started_at,
            answered_at=answered_at,
            ended_at=ended_at,
            talk_time=talk_time,
            written=fields.written | answer.written or None,
            extra=fields.rest() | answer.rest(),
            doubts=doubts_of(fields, answer=answer),
        ),
    )


def _direction(answer: Fields) -> Direction | None:
    direction = DIRECTIONS.get(answer.word("flow"))
    if direction is not None:
        answer.understood("flow")
    return direction


def _outcome(answer: Fields, *, bridged: bool) -> Outcome | None:
    """How the call ended; a queue or an IVR that took a call has not answered it."""
    result = answer.word("result")
    outcome = OUTCOMES.get(result)
    if result in SAYS_NO_MORE:
        answer.understood("result")
    if bridged:
        return "answered"
    if outcome == "answered" and answer.word("extension_type") in {"queue", "ivr"}:
        return "unanswered"
    if outcome in {"unanswered", None} and answer.word("hangup_disposition") == "caller_cancel":
        return "cancelled"
    return outcome


def _started_at(answer: Fields) -> int | None:
    began = read_time(answer, "init_time_gmt", UTC)
    return read_time(answer, "start_time_gmt", UTC) if began is None else began


def _answered_at(answer: Fields, bridged_at: int | None, outcome: Outcome | None) -> int | None:
    """When the parties were put through, or else when the one who answered did (µs)."""
    started_at = read_time(answer, "start_time_gmt", UTC)
    if outcome != "answered":
        return None
    return started_at if bridged_at is None else bridged_at


def _talk_time(
    answer: Fields, answered_at: int | None, ended_at: int | None, outcome: Outcome | None
) -> int | None:
    """How long the parties talked (µs): by the provider's count, or else by its times."""
    talk_time = answer.duration("bridged_duration", SECOND)
    if outcome is None:
        return None
    if outcome != "answered":
        return 0
    return between(answered_at, ended_at) if talk_time is None else talk_time


def _callee(answer: Fields, direction: Direction | None) -> str | None:
    """Who was called: from outside the public number, from inside the number that was dialled."""
    if direction == "inbound":
        return answer.number("did_number") or answer.number("to_username")
    return answer.number("to_username")


def _recording(answer: Fields) -> str | None:
    """The first recording among the call's parts, which stay as they are."""
    parts = answer.scalars.get("cdr")
    if not isinstance(parts, list):
        return None
    found = (Fields(each).text("record_uuid") for each in parts if isinstance(each, dict))
    return next((each for each in found if each is not None), None)
