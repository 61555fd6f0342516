"""The answer to a request for a call (provider document 004), as `callweave dial` publishes it.

    {"v": 1, "extension": "200", "requested_at": µs,
     "request": {"dst_num": …, "src_num": […], "variables": {…}, …},
     "answer": {"call_id": …, "call_api_id": …}}

`call_id` names the call in its events (`CallBackID`) and in its history. `call_api_id` is for managing the
call; events carry it as `CallAPIID`, which is no name of a leg.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from processors.normalize.fields import Fields
from processors.normalize.local_time import read_time
from schemas.events import CallEvent

if TYPE_CHECKING:
    from processors.normalize.event import Origin
    from schemas.events import Doubt

TAG = "tag"
"""The variable that appears as `Tag` in the call's events (document 003)."""
OF_A_CLIENT = "$cv("
"""How a client's own variable begins in place of a value; the provider alone knows what it stands for."""
MOST_VARIABLES = 256
UTC = ZoneInfo("UTC")


def events_of(fields: Fields, origin: Origin) -> tuple[CallEvent, ...]:
    """Return the event; none if there is a reason to reject the callback."""
    answer = part(fields, "answer")
    request = part(fields, "request")
    fields.understood("v")
    call_id = one_id(answer, "call_id")
    fields.needs("answer")
    fields.reasons += answer.reasons
    if call_id is None or fields.reasons:
        return ()
    requested_at = read_time(fields, "requested_at", UTC)
    variables = _variables(request)
    requested_by = fields.text("extension")
    caller = _number(request, "caller_id_number") or _origin(request)
    callee = _number(request, "dst_num")
    return (
        CallEvent(
            **origin.stamp(requested_at, "ingress"),
            kind="requested",
            ids=(call_id,),
            leg=call_id,
            direction="outbound",
            method="api",
            caller=caller,
            callee=callee,
            tag=(variables or {}).get(TAG) or None,
            variables=variables,
            requested_by=requested_by,
            written=answer.written or None,
            extra=_extra(fields, request=request, answer=answer),
            doubts=doubts_of(fields, request=request, answer=answer),
        ),
    )


def part(fields: Fields, name: str) -> Fields:
    """Return an object within the payload; if there is none, an empty one and a doubt."""
    value = fields.scalars.get(name)
    if isinstance(value, dict):
        fields.understood(name)
        return Fields(value)
    fields.doubt(name, "missing" if value is None else "malformed")
    return Fields({})


def one_id(fields: Fields, name: str) -> str | None:
    """Return the field that names the call; a callback without it is rejected."""
    found = fields.id(name)
    if found is None:
        fields.needs(name)
        if not fields.reasons:
            fields.reject(name, "missing", f"names no call: there is no {name}")
    return found


def doubts_of(fields: Fields, **parts: Fields) -> tuple[Doubt, ...]:
    """Return all doubts; those of parts have the part's name before the field's."""
    inner = (
        replace(doubt, field=f"{name}.{doubt.field}") for name, each in parts.items() for doubt in each.doubts
    )
    return (*fields.doubts, *inner)


def _variables(request: Fields) -> dict[str, str] | None:
    """The per-call variables as texts; None without any."""
    given = request.scalars.get("variables")
    if given is None:
        return None
    texts = Fields(given).scalars if isinstance(given, dict) and len(given) <= MOST_VARIABLES else {"": None}
    if not all(isinstance(value, str) for value in texts.values()):
        request.doubt("variables", "malformed")
        return None
    request.understood("variables")
    return {name: str(value) for name, value in texts.items()} or None


def _number(request: Fields, name: str) -> str | None:
    """A number, unless it is one of the client's own variables."""
    if (request.scalar(name) or "").startswith(OF_A_CLIENT):
        return None
    return request.number(name)


def _origin(request: Fields) -> str | None:
    """Return who is called first, if that is a single number: of several, any may answer."""
    numbers = request.scalars.get("src_num")
    if not isinstance(numbers, list) or len(numbers) != 1:
        return None
    one = Fields({"src_num": numbers[0]})
    number = _number(one, "src_num")
    if number is not None:
        request.understood("src_num")
    return number


def _extra(fields: Fields, **parts: Fields) -> dict[str, object]:
    """Return the fields that the event has no name for, at their place in the payload."""
    return fields.rest() | {name: rest for name, each in parts.items() if (rest := each.rest())}
