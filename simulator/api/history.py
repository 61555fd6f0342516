"""The call history of a simulated call. Pure.

Document 004 names the resource and leaves its fields to another document: these, and their values, follow
recordings of public clients of the API. Times are UTC without a zone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.times import SECOND, moment

if TYPE_CHECKING:
    from schemas.events import Outcome
    from simulator.model import SimulatedCall, Truth

RESULTS: dict[Outcome, tuple[str, str, str]] = {
    "answered": ("bridged", "NORMAL_CLEARING", "caller_bye"),
    "busy": ("busy", "USER_BUSY", "callee_refuse"),
    "unanswered": ("not answered", "NO_ANSWER", "internal_cancel"),
    "cancelled": ("not answered", "ORIGINATOR_CANCEL", "caller_cancel"),
    "congestion": ("failed", "NORMAL_TEMPORARY_FAILURE", "internal_cancel"),
    "unavailable": ("failed", "USER_NOT_REGISTERED", "callee_refuse"),
}
"""`result`, `hangup_cause` and `hangup_disposition`."""


def history_of(call: SimulatedCall, call_uuid: str) -> dict[str, Any]:
    """The call's history under this name, once it is over."""
    truth = call.truth
    result, cause, disposition = RESULTS[truth.outcome]
    outbound = truth.direction == "outbound"
    return {
        "call_uuid": call_uuid,
        "flow": "out" if outbound else "in",
        "init_time_gmt": gmt(truth.started_at),
        "start_time_gmt": gmt(truth.answered_at or truth.started_at),
        "bridged_time_gmt": gmt(truth.answered_at),
        "hangup_time_gmt": gmt(truth.ended_at),
        "duration": round((truth.ended_at - truth.started_at) / SECOND),
        "bridged_duration": round(truth.talk_time / SECOND) if truth.answered_at is not None else None,
        "bridged_username": _bridged(truth),
        "result": result,
        "hangup_cause": cause,
        "hangup_disposition": disposition,
        "from_username": truth.caller,
        "from_domain": _domain(truth),
        "to_username": truth.callee,
        "to_domain": _domain(truth),
        "did_number": None if outbound else truth.display_number,
        "extension_name": truth.extension,
        "extension_type": "phone",
        "ext_number_reg": None,
        "extension_group_owner_id": None,
        "cdr": _parts(truth),
    }


def gmt(us: int | None) -> str | None:
    if us is None:
        return None
    text = moment(us).replace(tzinfo=None).isoformat(sep=" ")
    return text.rstrip("0") if "." in text else text


def _bridged(truth: Truth) -> str | None:
    if truth.answered_at is None:
        return None
    return truth.callee if truth.direction == "outbound" else truth.extension


def _domain(truth: Truth) -> str:
    return (truth.extension or "").partition("@")[2]


def _parts(truth: Truth) -> list[dict[str, Any]]:
    """The parts of the call: only the conversation, with its recording."""
    if truth.recording is None:
        return []
    return [
        {
            "flow": "out" if truth.direction == "outbound" else "in",
            "result": "answered",
            "start_time_gmt": gmt(truth.answered_at),
            "hangup_time_gmt": gmt(truth.ended_at),
            "record_uuid": truth.recording,
            "extension_name": truth.extension,
        }
    ]
