"""The dialect `common-api`: status events of extensions (provider documents 000, 001) and CDRs (001, 002)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.normalize.event import call_ids, distinct
from processors.normalize.fields import INT64_MAX
from processors.normalize.local_time import read_local_time
from schemas.events import CallEvent
from schemas.times import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.normalize.event import Origin
    from processors.normalize.fields import Fields
    from schemas.events import Direction, Kind

KINDS: Mapping[str, Kind] = {"ring": "ring", "answer": "answer", "hangup": "hangup"}
"""By `status`."""

OF_A_CDR = frozenset({"endtime", "billsec", "duration", "callmethod"})
"""Fields that a CDR has and a status event hasn't."""

DIRECTIONS: Mapping[str, Direction] = {
    "callin": "inbound",
    "incoming": "inbound",
    "inbound": "inbound",
    "in": "inbound",
    "1": "inbound",
    "callout": "outbound",
    "outgoing": "outbound",
    "outbound": "outbound",
    "out": "outbound",
    "2": "outbound",
}

METHODS = {
    "0": "unrestricted",
    "1": "extension",
    "2": "manual",
    "3": "api",
    "4": "api-double",
    "5": "predictive",
    "6": "ivr",
}

NO_EXTENSION = frozenset({"000000", "0", ""})
NOBODY = frozenset({"0", ""})
LONGEST_LINK = 4096
LONGEST_CALL = 7 * 24 * 3600
"""In seconds."""


def event_of(fields: Fields, origin: Origin) -> CallEvent | None:
    """The event; None if there is a reason against it."""
    if fields.scalar("status") == "" and fields.any_of(OF_A_CDR):
        return _cdr(fields, origin)
    return _status_event(fields, origin)


def _status_event(fields: Fields, origin: Origin) -> CallEvent | None:
    """Ring, answer or hangup of one leg.

    Its `starttime` is the call's time. The event has none of its own: it is when it was received.
    """
    status = fields.word("status")
    fields.understood("status")
    kind = KINDS.get(status)
    if kind is None and fields.scalar("status") == "":
        fields.reject("status", "missing", "there is neither a status nor any field of a CDR")
    elif kind is None:
        fields.reject("status", "unknown-status", "the status must be ring, answer or hangup")
    uuid, buuid = ids = call_ids(fields, "uuid", "buuid")
    started_at = fields.instant("starttime", SECOND)
    if kind is None or fields.reasons:
        return None
    is_b = fields.flag("isbleg")
    return CallEvent(
        event_id=origin.event_id,
        callback_id=origin.callback_id,
        account=origin.account,
        source=origin.source,
        dialect=origin.dialect,
        kind=kind,
        ids=distinct(ids),
        leg=(buuid or uuid if is_b else uuid or buuid) or "",
        received_at=origin.received_at,
        occurred_at=origin.received_at,
        clock="ingress",
        uuid=uuid,
        side=None if is_b is None else "b" if is_b else "a",
        direction=_direction(fields),
        method=_method(fields, "method"),
        caller=fields.text("caller"),
        callee=fields.text("callee"),
        display_number=fields.text("disnumber"),
        extension=fields.text("extnumber", nothing=NO_EXTENSION),
        customer_ref=fields.text("customuuid"),
        campaign=fields.text("taskid"),
        hangup_cause=fields.integer("hangupcause"),
        hangup_direction=fields.integer("hangupdirection"),
        started_at=started_at,
        extra=fields.rest(),
    )


def _cdr(fields: Fields, origin: Origin) -> CallEvent | None:
    """The bill: `duration` is the waiting time and `billsec` the talk time, both in seconds."""
    fields.understood("status")
    uuid, buuid = ids = call_ids(fields, "uuid", "buuid")
    zone, leg = origin.timezone, uuid or buuid
    started_at = read_local_time(fields, "starttime", zone, after=None, uuid=leg)
    answered_at = read_local_time(fields, "answertime", zone, after=started_at, uuid=leg)
    ended_at = read_local_time(fields, "endtime", zone, after=answered_at or started_at, uuid=leg)
    ring_time = _seconds(fields, "duration")
    talk_time = _seconds(fields, "billsec")
    if leg is None or fields.reasons:
        return None
    display_number = fields.text("disnumber")
    campaign = fields.text("taskid")
    return CallEvent(
        event_id=origin.event_id,
        callback_id=origin.callback_id,
        account=origin.account,
        source=origin.source,
        dialect=origin.dialect,
        kind="cdr",
        ids=distinct(ids),
        leg=leg,
        received_at=origin.received_at,
        occurred_at=origin.received_at if ended_at is None else ended_at,
        clock="ingress" if ended_at is None else "provider",
        uuid=uuid,
        direction=_direction(fields),
        method=_method(fields, "callmethod"),
        caller=display_number,
        callee=fields.text("destnumber"),
        display_number=display_number,
        extension=fields.text("extnumber", nothing=NO_EXTENSION),
        agent_id=fields.text("crmid", nothing=NOBODY) or fields.text("userid", nothing=NOBODY),
        customer_ref=fields.text("customuuid"),
        campaign=campaign,
        round=_round(fields, campaign),
        recording=_recording(fields),
        hangup_cause=fields.integer("hangupcause"),
        hangup_direction=fields.integer("hangupdirection"),
        outcome="answered" if answered_at is not None or talk_time else "unanswered",
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        ring_time=ring_time,
        talk_time=talk_time,
        extra=fields.rest(),
    )


def _direction(fields: Fields) -> Direction | None:
    """From `direction`; a CDR of document 001 has it in `type`, which is `call` in status events."""
    by_direction = DIRECTIONS.get(fields.word("direction"))
    by_type = DIRECTIONS.get(fields.word("type"))
    if by_direction is not None:
        fields.understood("direction")
    if by_type is not None and by_direction in {by_type, None}:
        fields.understood("type")
    return by_direction or by_type


def _method(fields: Fields, name: str) -> str | None:
    """The method's name, or its code where the documents give no name."""
    code = fields.text(name)
    return None if code is None else METHODS.get(code, code)


def _seconds(fields: Fields, name: str) -> int | None:
    """A duration of the bill (µs); a negative or endless one rejects the callback."""
    seconds = fields.integer(name, least=-INT64_MAX, most=INT64_MAX)
    if seconds is None:
        return None
    if not 0 <= seconds <= LONGEST_CALL:
        fields.reject(name, "out-of-range", "a call takes between no time and seven days")
        return None
    return seconds * SECOND


def _round(fields: Fields, campaign: str | None) -> int | None:
    """Which attempt; 0 beside an empty `taskid` means that there was no campaign (document 002's sample)."""
    return None if campaign is None and fields.scalar("round") == "0" else fields.integer("round")


def _recording(fields: Fields) -> str | None:
    """Where the recording is: its link, or the file on the server that `downloadip` names.

    The parts of the latter stay among the other fields: no document says how they make a link.
    """
    link = fields.text("recordurl", longest=LONGEST_LINK)
    if link is not None:
        return link
    host = fields.scalar("downloadip")
    if not host:
        return fields.text("recordfilename")
    file = fields.scalar("recordfilename")
    return f"{host}/{file.lstrip('/')}" if file and len(host) + len(file) < LONGEST_LINK else None
