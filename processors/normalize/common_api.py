"""The dialect `common-api`: status events of extensions (provider documents 000, 001) and CDRs (001, 002)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from processors.normalize.event import between, call_ids, distinct
from processors.normalize.fields import Vocabulary
from processors.normalize.local_time import (
    MOST_DISAGREEMENT,
    MOST_ROUNDING,
    Clues,
    read_time,
    says_a_time,
)
from processors.normalize.numbers import number_of, whole
from schemas.events import HELD_BACK, CallEvent
from schemas.times import SECOND
from schemas.uuids import created_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.normalize.event import Origin
    from processors.normalize.fields import Fields
    from schemas.events import Direction, Kind, Outcome

KINDS: Mapping[str, Kind] = {"ring": "ring", "answer": "answer", "hangup": "hangup"}
"""By `status`."""

OF_BOTH = (
    "companycode",
    "customuuid",
    "direction",
    "disnumber",
    "extnumber",
    "taskid",
    "type",
    "uuid",
    "buuid",
)
OF_A_STATUS = ("callee", "caller", "isbleg", "method", "starttime", "status")
OF_A_CDR = (
    *("answertime", "billsec", "callmethod", "chengshudu", "crmid", "destnumber", "downloadip", "duration"),
    *("endtime", "ext", "hangupcause", "hangupdirection", "id", "memberid", "recordfilename", "recordurl"),
    *("round", "starttime", "userid", "userkey"),
)
VOCABULARY = Vocabulary((*OF_BOTH, *OF_A_STATUS, *OF_A_CDR, "detail"))
OF_A_BILL = frozenset({"endtime", "billsec"})
A_CDRS_OWN = frozenset(OF_A_CDR) - set(OF_A_STATUS)
RECORDINGS = ("recordurl", "recordfilename")
TOLD_LATER = (
    *RECORDINGS,
    "customuuid",
    "taskid",
    "userid",
    "crmid",
    "userkey",
    "extnumber",
)
"""What a notice after the call may be about."""

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

NO_EXTENSION = frozenset({"000000", "0"})
NOBODY = NONE_GIVEN = frozenset({"0"})
"""How the provider fills fields of which the customer makes no use."""
LONGEST_LINK = 4096
LATEST: Mapping[str, int] = {"ring": 120 * SECOND, "answer": 600 * SECOND}
"""How long after its leg began a status may arrive and not have been held back: no phone rings longer."""


def events_of(fields: Fields, origin: Origin) -> tuple[CallEvent, ...]:
    """Return the events, a CDR before a status; none if there is a reason to reject the callback."""
    fields.known_by(VOCABULARY)
    status = fields.word("status")
    kind = KINDS.get(status)
    uuid, buuid = call_ids(fields, "uuid", "buuid", hyphens=True)
    is_bill = _is_bill(fields, with_status=kind is not None)
    if kind is None and not is_bill and not _told_later(fields, status):
        _reject_status(fields, status)
    if fields.reasons:
        return ()
    if kind is None:
        if status or fields.scalar("status") is None:
            fields.doubt("status", "unknown-word")
        else:
            fields.understood("status")
        return (_cdr(fields, origin, uuid, buuid) if is_bill else _notice(fields, origin, uuid, buuid),)
    fields.understood("status")
    if not is_bill:
        return (_status_event(fields, origin, kind, uuid, buuid),)
    happened = _status_event(fields, origin.beside(kind), kind, uuid, buuid)
    return _cdr(fields, origin, uuid, buuid), replace(happened, extra={}, doubts=())


def _is_bill(fields: Fields, *, with_status: bool) -> bool:
    """Return whether it says when the call ended, how long it lasted or, without a status, when it began."""
    if with_status and not fields.any_of(OF_A_BILL):
        return False
    if says_a_time(fields, "endtime") or fields.scalar("billsec"):
        return True
    return not with_status and fields.any_of(A_CDRS_OWN) and says_a_time(fields, "starttime")


def _told_later(fields: Fields, status: str) -> bool:
    """Return whether it is a notice after the call: it is not a status event that has lost its status."""
    if fields.scalar("isbleg"):
        return False
    if status or fields.scalar("status") is None:  # a word of its own, as `recording-ready`
        return any(fields.scalar(name) for name in RECORDINGS)
    return any(fields.scalar(name) for name in TOLD_LATER)


def _reject_status(fields: Fields, status: str) -> None:
    if status or fields.scalar("status") is None:
        fields.reject("status", "unknown-status", "the status must be ring, answer or hangup")
    else:
        fields.reject("status", "missing", "there is neither a status nor any field of a CDR")


def _status_event(
    fields: Fields, origin: Origin, kind: Kind, uuid: str | None, buuid: str | None
) -> CallEvent:
    """Ring, answer or hangup of one leg.

    Its `starttime` is the call's time. The event has none of its own: it is when it was received.
    """
    is_b = fields.flag("isbleg")
    leg = (buuid or uuid if is_b else uuid or buuid) or ""
    received_at = origin.named["received_at"]
    started_at = read_time(fields, "starttime", origin.timezone, Clues(uuid=leg), told_at=received_at)
    if _is_held_back(kind, received_at, leg, started_at):
        fields.doubt("status", HELD_BACK)
    return CallEvent(
        **origin.stamp(),
        kind=kind,
        ids=distinct([uuid, buuid]),
        leg=leg,
        uuid=fields.spelled(uuid),
        side=None if is_b is None else "b" if is_b else "a",
        direction=_direction(fields),
        method=_method(fields, "method"),
        caller=fields.number("caller"),
        callee=fields.number("callee"),
        display_number=fields.number("disnumber"),
        extension=_extension(fields),
        customer_ref=fields.text("customuuid", nothing=NONE_GIVEN),
        campaign=fields.text("taskid", nothing=NONE_GIVEN),
        hangup_cause=fields.integer("hangupcause"),
        hangup_direction=fields.integer("hangupdirection"),
        started_at=started_at,
        **fields.left(),
    )


def _is_held_back(kind: Kind, received_at: int, leg: str, started_at: int | None) -> bool:
    """Whether a status arrived so long after its leg began that the provider must have held it back.

    Then its receipt says nothing of when it happened. A leg begins at the time in its id, or else with the
    call. A hangup may come after any time.
    """
    begun = [at for at in (created_at(leg), started_at) if at is not None]
    return kind in LATEST and bool(begun) and received_at - max(begun) > LATEST[kind]


def _cdr(fields: Fields, origin: Origin, uuid: str | None, buuid: str | None) -> CallEvent:
    """Make the CDR: `duration` is the waiting time and `billsec` the talk time, both in seconds."""
    leg = uuid or buuid or ""
    started_at, answered_at, ended_at = _times(fields, origin, leg)
    ring_time, talk_time = _durations(fields, started_at, answered_at, ended_at)
    display_number = fields.number("disnumber")
    campaign = fields.text("taskid", nothing=NONE_GIVEN)
    return CallEvent(
        **origin.stamp(ended_at),
        kind="cdr",
        ids=distinct([uuid, buuid]),
        leg=leg,
        uuid=fields.spelled(uuid),
        direction=_direction(fields),
        method=_method(fields, "callmethod"),
        caller=display_number,
        callee=fields.number("destnumber"),
        display_number=display_number,
        extension=_extension(fields),
        agent_id=fields.text("crmid", nothing=NOBODY) or fields.text("userid", nothing=NOBODY),
        customer_ref=fields.text("customuuid", nothing=NONE_GIVEN),
        campaign=campaign,
        round=_round(fields, campaign),
        recording=_recording(fields),
        hangup_cause=fields.integer("hangupcause"),
        hangup_direction=fields.integer("hangupdirection"),
        outcome=_outcome(fields, answered_at, talk_time),
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        ring_time=ring_time,
        talk_time=talk_time,
        **fields.left(),
    )


def _times(fields: Fields, origin: Origin, leg: str) -> tuple[int | None, int | None, int | None]:
    """When a bill says that the call began, was answered and ended, without what can't be."""
    zone, told_at = origin.timezone, origin.named["received_at"]
    waited, talked = fields.duration("duration", SECOND), fields.duration("billsec", SECOND)
    started_at = read_time(fields, "starttime", zone, Clues(uuid=leg), told_at=told_at)
    answered_at = read_time(fields, "answertime", zone, Clues(started_at, waited, leg), told_at=told_at)
    before_the_end = (
        Clues(started_at, (waited or 0) + (talked or 0), leg)
        if answered_at is None
        else Clues(answered_at, talked, leg)
    )
    ended_at = read_time(fields, "endtime", zone, before_the_end, told_at=told_at)
    odd = _odd_ones(fields, started_at, answered_at, ended_at)
    for name in odd:
        fields.misread(name, "out-of-order")
    return (
        None if "starttime" in odd else started_at,
        None if "answertime" in odd else answered_at,
        None if "endtime" in odd else ended_at,
    )


def _odd_ones(
    fields: Fields, started_at: int | None, answered_at: int | None, ended_at: int | None
) -> tuple[str, ...]:
    """Of a bill's three times those that can't be: the one that the two others contradict, if any does."""
    is_answer_early = not _are_in_order(started_at, answered_at)
    is_end_early = not _are_in_order(started_at, ended_at)
    if answered_at is None or ended_at is None or _are_in_order(answered_at, ended_at):
        if is_answer_early and is_end_early:
            return ("starttime",)
        return ("answertime",) if is_answer_early else ("endtime",) if is_end_early else ()
    if is_answer_early or is_end_early:  # the answer lies after the end
        return ("answertime", "endtime") if is_answer_early else ("endtime",)
    rang = fields.duration("duration", SECOND)
    if started_at is None or rang is None:
        return ("answertime", "endtime")
    return ("endtime",) if abs(started_at + rang - answered_at) < MOST_ROUNDING else ("answertime",)


def _are_in_order(before: int | None, time: int | None) -> bool:
    """The clocks of a switch may disagree a little."""
    return time is None or before is None or time >= before - MOST_DISAGREEMENT


def _is_longer(told: int | None, lasted: int | None) -> bool:
    """Whether a part is longer than the whole call, and so is counted in another unit, or nonsense."""
    return told is not None and lasted is not None and told > lasted + MOST_ROUNDING


def _durations(
    fields: Fields, started_at: int | None, answered_at: int | None, ended_at: int | None
) -> tuple[int | None, int | None]:
    """Ring time and talk time (µs); one that can't be read is computed from the times."""
    ring_time, talk_time = fields.duration("duration", SECOND), fields.duration("billsec", SECOND)
    talked, lasted = between(answered_at, ended_at), between(started_at, ended_at)
    if talked is not None and _is_longer(talk_time, lasted):
        fields.misread("billsec", "out-of-range")
    if talked is not None and _is_longer(ring_time, lasted):
        fields.misread("duration", "out-of-range")
    if fields.doubted("billsec"):
        talk_time = talked
    if fields.doubted("duration") or (ring_time is None and _is_outcome_told(fields, answered_at, talk_time)):
        ring_time = between(started_at, answered_at if answered_at or talk_time else ended_at)
    return ring_time, talk_time


def _notice(fields: Fields, origin: Origin, uuid: str | None, buuid: str | None) -> CallEvent:
    """Make what is reported after the call, such as that its recording is ready: it bills nothing."""
    told = _cdr(fields, origin, uuid, buuid)
    fields.not_understood("starttime", "answertime", "endtime", "duration", "billsec")
    return replace(
        told,
        kind="notice",
        occurred_at=told.received_at,
        clock="ingress",
        outcome=None,
        started_at=None,
        answered_at=None,
        ended_at=None,
        ring_time=None,
        talk_time=None,
        extra=fields.rest(),
    )


def _outcome(fields: Fields, answered_at: int | None, talk_time: int | None) -> Outcome | None:
    """Return whether somebody answered; None if the field that says so is in doubt, or not there."""
    if answered_at is not None or talk_time:
        return "answered"
    is_told = _is_outcome_told(fields, answered_at, talk_time)
    return "unanswered" if is_told and not (fields.doubted("answertime") and talk_time is None) else None


def _is_outcome_told(fields: Fields, answered_at: int | None, talk_time: int | None) -> bool:
    """Whether a bill says if somebody answered: an empty `answertime` says that nobody did."""
    return answered_at is not None or talk_time is not None or fields.has("answertime")


def _direction(fields: Fields) -> Direction | None:
    """From `direction`; a CDR of document 001 has it in `type`, which is `call` in status events."""
    word = fields.word("direction")
    by_direction = DIRECTIONS.get(word)
    by_type = DIRECTIONS.get(fields.word("type"))
    if by_direction is not None:
        fields.understood("direction")
    else:
        fields.unknown_word("direction")
    if by_type is not None and by_direction in {by_type, None}:
        fields.understood("type")
    return by_direction or by_type


def _extension(fields: Fields) -> str | None:
    extension = fields.text("extnumber", nothing=NO_EXTENSION)
    return fields.number("extnumber") if extension and "." in extension else extension


def _method(fields: Fields, name: str) -> str | None:
    """The method's name, or its code where the documents give no name."""
    code = fields.text(name)
    if code is None:
        return None
    return METHODS.get(code) or METHODS.get(str(whole(number_of(code))), code)


def _round(fields: Fields, campaign: str | None) -> int | None:
    """Return the attempt; 0 beside an empty `taskid` means no campaign (document 002's sample)."""
    return None if campaign is None and fields.scalar("round") == "0" else fields.integer("round")


def _recording(fields: Fields) -> str | None:
    """Where the recording is: its link, or the file on the server that `downloadip` names.

    The parts of the latter stay among the other fields: no document says how they make a link.
    """
    link = fields.text("recordurl", nothing=NONE_GIVEN, longest=LONGEST_LINK)
    if link is not None:
        return link
    host = fields.scalar("downloadip")
    if not host or host in NONE_GIVEN:
        return fields.text("recordfilename", nothing=NONE_GIVEN)
    file = fields.scalar("recordfilename")
    return f"{host}/{file.lstrip('/')}" if file and len(host) + len(file) < LONGEST_LINK else None
