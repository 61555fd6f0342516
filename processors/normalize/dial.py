"""The answer to a request for a call (provider document 004), as `callweave dial` publishes it.

    {"v": 1, "extension": "200", "requested_at": µs,
     "request": {"dst_num": …, "src_num": […], "variables": {…}, …},
     "answer": {"call_id": …, "call_api_id": …}}

`call_id` names the call in its events (`CallBackID`) and in its history. `call_api_id` is for managing the
call; events carry it as `CallAPIID`, which is no name of a leg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.normalize.fields import Fields
from schemas.events import CallEvent

if TYPE_CHECKING:
    from processors.normalize.event import Origin

TAG = "tag"
"""The variable that appears as `Tag` in the call's events (document 003)."""
OF_A_CLIENT = "$cv("
"""How a client's own variable begins in place of a value; the provider alone knows what it stands for."""
MOST_VARIABLES = 256


def event_of(fields: Fields, origin: Origin) -> CallEvent | None:
    """The event; None if there is a reason against it."""
    answer = part(fields, "answer")
    request = part(fields, "request")
    fields.understood("v")
    requested_at = fields.instant("requested_at", 1)
    if requested_at is None and not any(reason.field == "requested_at" for reason in fields.reasons):
        fields.reject("requested_at", "missing", "there is no time of the request")
    call_id = one_id(answer, "call_id")
    variables = _variables(fields, request)
    requested_by = fields.text("extension")
    caller = _number(request, "caller_id_number") or _origin(request)
    callee = _number(request, "dst_num")
    fields.reasons += answer.reasons
    if requested_at is None or call_id is None or fields.reasons:
        return None
    return CallEvent(
        event_id=origin.event_id,
        callback_id=origin.callback_id,
        account=origin.account,
        source=origin.source,
        dialect=origin.dialect,
        kind="requested",
        ids=(call_id,),
        leg=call_id,
        received_at=origin.received_at,
        occurred_at=requested_at,
        clock="ingress",
        direction="outbound",
        method="api",
        caller=caller,
        callee=callee,
        tag=(variables or {}).get(TAG) or None,
        variables=variables,
        requested_by=requested_by,
        extra=_extra(fields, request=request, answer=answer),
    )


def part(fields: Fields, name: str) -> Fields:
    """An object within the payload; what is none rejects the callback."""
    value = fields.scalars.get(name)
    fields.understood(name)
    if isinstance(value, dict):
        return Fields(value)
    fields.reject(name, "missing" if value is None else "malformed", f"there is no object {name}")
    return Fields({})


def one_id(fields: Fields, name: str) -> str | None:
    """The one field that names the call; a callback without it is rejected."""
    found = fields.id(name)
    if found is None and not any(reason.field == name for reason in fields.reasons):
        fields.reject(name, "missing", f"names no call: there is no {name}")
    return found


def _variables(fields: Fields, request: Fields) -> dict[str, str] | None:
    """The per-call variables as texts; None without any."""
    given = request.scalars.get("variables")
    if given is None:
        return None
    request.understood("variables")
    if not isinstance(given, dict) or len(given) > MOST_VARIABLES:
        fields.reject("request", "malformed-variables", "variables must be an object, of a sensible size")
        return None
    texts = Fields(given).scalars
    if not all(isinstance(value, str) for value in texts.values()):
        fields.reject("request", "malformed-variables", "a variable must be text, or a number")
        return None
    return {name: str(value) for name, value in texts.items()} or None


def _number(request: Fields, name: str) -> str | None:
    """A number, unless it is one of the client's own variables."""
    if (request.scalar(name) or "").startswith(OF_A_CLIENT):
        return None
    return request.text(name)


def _origin(request: Fields) -> str | None:
    """Who is called first, if that is one number alone: of several, any may pick up."""
    numbers = request.scalars.get("src_num")
    if not isinstance(numbers, list) or len(numbers) != 1:
        return None
    one = Fields({"src_num": numbers[0]})
    number = _number(one, "src_num")
    if number is not None:
        request.understood("src_num")
    return number


def _extra(fields: Fields, **parts: Fields) -> dict[str, object]:
    """What the event has no name for, in its place in the payload."""
    return fields.rest() | {name: rest for name, each in parts.items() if (rest := each.rest())}
