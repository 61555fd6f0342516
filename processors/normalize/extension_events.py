"""The dialect `extension-events`: what happens to an extension number (provider document 003).

A queue works with two threads. The `in` thread is the call in the queue: `dial-in` and `hangup`, whose
`Bridged` says whether somebody answered. Each agent that is called has an `out` thread, whose EventType is
`dial-in` although its CallFlow is `out`. An IVR has the `in` thread alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from processors.normalize.event import call_ids, distinct
from processors.normalize.fields import TRUE, Vocabulary
from processors.normalize.local_time import read_time
from schemas.events import CallEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.normalize.event import Origin, Stamp
    from processors.normalize.fields import Fields
    from schemas.events import Direction, Kind, Outcome, Side

KINDS: Mapping[str, Kind] = {
    "dial-in": "dial",
    "dial-out": "dial",
    "answer": "answer",
    "hangup": "hangup",
    "voicemail": "voicemail",
    "message-in": "message",
    "message-out": "message",
}
"""By `EventType`."""

DIRECTIONS: Mapping[str, Direction] = {
    "in": "inbound",
    "dial-in": "inbound",
    "message-in": "inbound",
    "out": "outbound",
    "dial-out": "outbound",
    "message-out": "outbound",
}
"""By `CallFlow`, and by `EventType` without one."""

OUTCOMES: Mapping[str, Outcome] = {
    "answer": "answered",
    "busy": "busy",
    "noanswer": "unanswered",
    "cancel": "cancelled",
    "answered": "answered",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "congestion": "congestion",
    "chanunavail": "unavailable",
}
"""By the `CallStatus` of a hangup, in the documents' words and in Asterisk's."""

NO_LETTERS = re.compile(r"[^a-z]")
EVENT_TYPES = {NO_LETTERS.sub("", name): name for name in KINDS}
"""By their letters: some senders write `dial_in`, `DialIn`, `NO ANSWER`."""
SHORTEST = 100_000
"""In microseconds: what is shorter was no conversation and no wait, but counted in another unit."""

MICROSECOND = 1
"""The unit of this dialect's times and durations."""

COUNT = re.compile(r"\d{1,9}", re.ASCII)
"""A `SubCallID` that tells the components of one call apart: document 003 promises no more of it."""

IMPLIED = {"dial": "calling", "answer": "answer"}
"""The one `CallStatus` that other kinds of event can have."""

VOCABULARY = Vocabulary(
    {
        *("ANI", "Bridged", "BridgedDuration", "CallAPIID", "CallBackID", "CallFlow", "CallID", "CallStatus"),
        *(
            "CalledDID",
            "CalledExtension",
            "CalledExtensionID",
            "CalledNumber",
            "CallerExtension",
            "myid",
            "detail",
        ),
        *(
            "CallerExtensionID",
            "CallerIDName",
            "CallerIDNum",
            "ClientApiID",
            "Diversion",
            "Duration",
            "EventTime",
        ),
        *("EventType", "RecID", "RemoteNumber", "SubCallID", "Tag", "Transfered"),
    },
    also={"Transferred": "Transfered"},
)
CALLED_FROM_OUTSIDE = ("CalledDID", "CalledNumber", "CalledExtension")
CALLED_FROM_INSIDE = ("CalledNumber", "CalledDID", "CalledExtension")
"""What the caller dialled: from outside a public number, whatever number it leads to."""
CALLED_BEFORE = ("CalledDID",)
"""What is left of that once a queue or an extension calls the next one for the caller."""


def events_of(fields: Fields, origin: Origin) -> tuple[CallEvent, ...]:
    """Return the event; none if there is a reason to reject the callback."""
    fields.known_by(VOCABULARY)
    event_type = _event_type(fields)
    kind = KINDS.get(event_type)
    if kind == "message":
        return (_message(fields, origin, DIRECTIONS[event_type]),)
    if kind is None and fields.scalar("EventType") == "":
        fields.reject("EventType", "missing", "there is no EventType")
    elif kind is None:
        fields.reject("EventType", "unknown-event-type", "the EventType is none that the documents name")
    ids = _ids(fields)
    if kind is None or fields.reasons:
        return ()
    return (_leg_event(fields, origin, kind, ids),)


def _ids(fields: Fields) -> list[str | None]:
    """Return the ids of the call, of its component and of its initiation.

    Where components are only counted, the call's id follows the count, as other senders write it: the first
    components of two calls are two legs.
    """
    call_id, part, initiation = call_ids(fields, "CallID", "SubCallID", "CallBackID")
    if part is not None and call_id not in {None, part} and COUNT.fullmatch(part):
        fields.not_understood("SubCallID")
        part = f"{part}-{call_id}"
    return [call_id, part, initiation]


def _leg_event(fields: Fields, origin: Origin, kind: Kind, ids: list[str | None]) -> CallEvent:
    call_id, part, initiation = ids
    event_type, flow = _event_type(fields), fields.word("CallFlow")
    event_time = read_time(fields, "EventTime", origin.timezone, told_at=origin.named["received_at"])
    if kind != "dial":  # it alone is more than its kind says
        fields.understood("EventType")
    to_agent = flow == "out" and _calls_agent(fields, event_type)
    stamp = origin.stamp(event_time)
    bridged, transferred = fields.flag("Bridged"), fields.flag("Transfered")
    handed_on = bool(transferred) and flow == "out"
    for_caller = to_agent or (handed_on and _calls_for_another(fields))
    direction = _direction(fields, flow, event_type, initiated=initiation is not None, for_caller=for_caller)
    passed_by = _passed_by(fields, to_agent=to_agent, flow=flow)
    dialled = _dialled(direction, handed_on=handed_on, passed=to_agent or passed_by is not None)
    talk_time = _talk_time(fields, bridged=bridged) if kind == "hangup" else None
    return CallEvent(
        **stamp,
        kind=kind,
        ids=distinct(ids),
        leg=part or call_id or initiation or "",
        uuid=fields.spelled(call_id),
        side=_side(flow, to_agent=to_agent) if initiation else None,
        direction=direction,
        method="api" if initiation else None,
        caller=fields.first("CallerIDNum", "CallerExtension"),
        callee=fields.first(*dialled),
        display_number=fields.number("ANI" if direction == "outbound" or handed_on else "CalledDID"),
        extension=_extension(fields, flow, event_type, to_agent=to_agent),
        customer_ref=fields.text("ClientApiID"),
        tag=fields.text("Tag"),
        recording=fields.text("RecID"),
        outcome=_outcome(fields, kind, bridged=bridged, talk_time=talk_time),
        bridged=bridged,
        transferred=transferred,
        passed_by=passed_by,
        started_at=_started_at(fields, kind, stamp, bridged=bridged),
        talk_time=talk_time,
        **fields.left(),
    )


def _dialled(direction: Direction | None, *, handed_on: bool, passed: bool) -> tuple[str, ...]:
    """The fields that may say what the caller dialled, the best first."""
    if passed:
        return CALLED_BEFORE
    return CALLED_FROM_OUTSIDE if direction == "inbound" and not handed_on else CALLED_FROM_INSIDE


def _message(fields: Fields, origin: Origin, direction: Direction) -> CallEvent:
    """Make the event of a message, which is no call; other documents describe its fields."""
    return CallEvent(
        **origin.stamp(), kind="message", ids=(), leg="", direction=direction, extra=fields.rest()
    )


def _event_type(fields: Fields) -> str:
    word = fields.word("EventType")
    return word if word in KINDS else EVENT_TYPES.get(NO_LETTERS.sub("", word), word)


def _calls_agent(fields: Fields, event_type: str) -> bool:
    """Return whether this is the `out` thread of a queue.

    Its later events differ from those of an ordinary outgoing call in their parties: they call an
    extension, and the caller is not the extension that calls.
    """
    if event_type in {"dial-in", "dial-out"}:
        return event_type == "dial-in"
    if not fields.scalar("CalledExtension") or fields.word("Transfered") in TRUE:
        return False
    if not fields.scalar("CalledNumber"):
        return True
    if fields.scalar("ANI"):
        return False
    return not fields.scalar("CallerExtension") or _is_the_callees(fields) or _calls_for_another(fields)


def _is_the_callees(fields: Fields) -> bool:
    """Whether the leg is that of the extension that is called: some names begin with its number."""
    part, number = fields.scalar("SubCallID"), fields.scalar("CalledExtensionID")
    return bool(part and number) and str(part).startswith(f"{number}-")


def _passed_by(fields: Fields, *, to_agent: bool, flow: str) -> str | None:
    """The extension, mostly a queue, that calls this one for a caller that is not itself.

    A caller from outside may have an extension too: one of another customer's, by its name.
    """
    extension, called = fields.scalar("CallerExtension"), fields.scalar("CalledExtension")
    if not extension or not called or not (to_agent or (flow == "in" and _calls_for_another(fields))):
        return None
    return extension if extension.partition("*")[0] == called.partition("*")[0] else None


def _calls_for_another(fields: Fields) -> bool:
    """Whether the extension that calls does so for a caller that is not itself."""
    caller, extension = fields.scalar("CallerIDNum"), fields.scalar("CallerExtension")
    if not caller or not extension:
        return False
    name, _, _ = extension.partition("@")
    return caller not in {extension, name} and not name.endswith(f"*{caller}")


def _side(flow: str, *, to_agent: bool) -> Side | None:
    """Return the side of a call that the API started: the origin is rung before the destination."""
    return "a" if flow == "in" or to_agent else "b" if flow == "out" else None


def _direction(
    fields: Fields, flow: str, event_type: str, *, initiated: bool, for_caller: bool
) -> Direction | None:
    """Return the direction of the call, not of the leg.

    Where nobody says, one to a public number came in. A call started by the API is outbound, although its
    origin is rung first. A queue that calls its agents, and an extension that passes a caller on, do so for a
    call that came in.
    """
    if flow in {"in", "out"}:
        fields.understood("CallFlow")
    else:
        fields.unknown_word("CallFlow")
    if initiated:
        return "outbound"
    told = DIRECTIONS.get(flow) or DIRECTIONS.get(event_type)
    return "inbound" if for_caller or (told is None and fields.scalar("CalledDID")) else told


def _extension(fields: Fields, flow: str, event_type: str, *, to_agent: bool) -> str | None:
    """Return the extension that the event is about: the called one, or the caller of an outgoing call."""
    outgoing = event_type == "dial-out" or (flow == "out" and not to_agent)
    return fields.text("CallerExtension" if outgoing else "CalledExtension")


def _outcome(fields: Fields, kind: Kind, *, bridged: bool | None, talk_time: int | None) -> Outcome | None:
    """Return a hangup's outcome; behind a queue or an IVR `Bridged` says whether the call was answered."""
    status = fields.word("CallStatus")
    if kind != "hangup":
        if status == IMPLIED.get(kind):
            fields.understood("CallStatus")
        return None
    outcome = OUTCOMES.get(status) or OUTCOMES.get(NO_LETTERS.sub("", status))
    if outcome is not None:
        fields.understood("CallStatus")
    else:
        fields.unknown_word("CallStatus")
    if bridged is None:  # where people talked, somebody answered, whatever the status says or doesn't
        return outcome or ("answered" if talk_time else None)
    if bridged:
        return "answered"
    return "unanswered" if outcome in {None, "answered"} else outcome


def _talk_time(fields: Fields, *, bridged: bool | None) -> int | None:
    """Return the talk time (µs): `Duration` is one too, but behind a queue it includes the waiting."""
    talk_time = _lasted(fields, "BridgedDuration")
    if talk_time is None and bridged is None:
        talk_time = _lasted(fields, "Duration")
    return talk_time


def _lasted(fields: Fields, name: str) -> int | None:
    """How long a conversation or a wait lasted (µs); None, with a doubt, for what is too short to be one."""
    lasted = fields.duration(name, MICROSECOND)
    if lasted is None or not 0 < lasted < SHORTEST:
        return lasted
    fields.misread(name, "out-of-range")
    return None


def _started_at(fields: Fields, kind: Kind, stamp: Stamp, *, bridged: bool | None) -> int | None:
    """When the call was dialled, or was taken by a queue or IVR, whose hangup may arrive without a dial."""
    if kind == "dial":
        return stamp["occurred_at"]
    if kind != "hangup" or bridged is None or stamp["clock"] != "provider":
        return None
    held = _lasted(fields, "Duration")
    fields.not_understood("Duration")
    return None if held is None else stamp["occurred_at"] - held
