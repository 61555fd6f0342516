"""A call that the API started (provider document 004): the origins are rung, then the destination is called.

If an extension number first calls itself on its own behalf, this part of the call has no events
(document 003, "for optimization"): a call whose origin never picks up is never reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.dialects import EXTENSION_EVENTS
from schemas.times import SECOND
from simulator import durations
from simulator.identifiers import Identifiers
from simulator.model import SimulatedCall, Truth, ids_of
from simulator.telling import Telling, outgoing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from schemas.events import Outcome
    from simulator.telling import Thread
    from simulator.world import Extension, Pbx

ORIGIN_ANSWERS = 0.85
FATES: dict[Outcome, int] = {"answered": 70, "unanswered": 15, "busy": 10, "cancelled": 5}
"""Outcomes of the destination, and how likely each is."""
WAIT_FOR_PICKUP = 40
"""The system value, in seconds."""


def dialled(
    rng: Random,
    request: Mapping[str, Any],
    started_at: int,
    *,
    pbx: Pbx,
    owner: Extension,
    call_id: str | None = None,
    call_api_id: str | None = None,
    picked_up: bool | None = None,
    outcome: Outcome | None = None,
) -> SimulatedCall:
    """The call that a request to `/extension/{owner}/callback/` starts, with its webhooks in order of time.

    `request` has the document's fields, with variables filled in. `call_id` and `call_api_id` are those of
    the answer: they return as CallBackID and CallAPIID. Whether an origin picks up and how the destination
    fares is left to chance unless given.
    """
    ids = Identifiers(rng)
    initiation = call_id or ids.at(started_at)
    api_id = call_api_id or f"{owner.id}-{initiation}"
    telling = Telling(ids.at(started_at), CallAPIID=api_id, CallBackID=initiation, Tag=_tag(request))
    if picked_up is None:
        picked_up = rng.random() < ORIGIN_ANSWERS
    most = int(request.get("wait_for_pickup") or WAIT_FOR_PICKUP) * SECOND
    rung_at = started_at + durations.moment(rng)
    origins = _ring_origins(telling, ids, request, rung_at, pbx=pbx, owner=owner)
    talking_at = rung_at + (min(durations.ring(rng), most) if picked_up else most)
    _origins_decided(origins, talking_at, picked_up=picked_up)
    destination = _Destination(rng, outcome or rng.choices(list(FATES), list(FATES.values()))[0], most)
    if picked_up:
        ani = _said(request, "dst_ani", "src_ani") or pbx.numbers[0]
        parties = outgoing(_caller(request, owner), owner, str(request["dst_num"]), ani)
        thread = telling.thread(ids.at(talking_at), owner, **parties)
        destination.called(thread, talking_at + durations.moment(rng))
        for origin in origins[:1]:
            over_at = destination.ended_at
            origin.hangs_up(over_at + durations.moment(rng, 0.2), "answered", over_at - talking_at)
    return _told(telling, request, destination, initiation=initiation, owner=owner, started_at=started_at)


class _Destination:
    """The party that is called once an origin has picked up."""

    def __init__(self, rng: Random, outcome: Outcome, most: int) -> None:
        self.outcome = outcome
        self.rang_at: int | None = None
        self.answered_at: int | None = None
        self.ended_at = 0
        self.talked = 0
        self.recording: str | None = None
        self._wait = min(durations.ring(rng) if outcome == "answered" else durations.patience(rng), most)
        self._talk = durations.talk(rng)

    def called(self, thread: Thread, at: int) -> None:
        """Send its thread's events."""
        thread.dials("dial-out", at)
        self.rang_at, self.ended_at = at, at + self._wait
        if self.outcome == "answered":
            self.answered_at, self.talked = at + self._wait, self._talk
            self.ended_at += self._talk
            thread.answers(self.answered_at)
            self.recording = thread.recording
        thread.hangs_up(self.ended_at, self.outcome, self.talked)


def _ring_origins(
    telling: Telling, ids: Identifiers, request: Mapping[str, Any], at: int, *, pbx: Pbx, owner: Extension
) -> list[Thread]:
    """The threads of the origins with events: the first of them is the one that may pick up.

    A number outside is no extension number, and so has no events.
    """
    phones = {phone.number: phone for phone in pbx.phones} | {phone.id: phone for phone in pbx.phones}
    caller = _said(request, "src_caller_id_number") or _caller(request, owner)
    rung = [phones[number] for number in _origins(request) if number in phones]
    if [phone.id for phone in rung] == [owner.id]:
        return []
    threads = []
    for each, phone in enumerate(rung):
        parties = {
            "CallFlow": "IN",
            "CallerIDNum": caller,
            "CallerIDName": _said(request, "src_caller_id_name", "caller_id_name"),
            "CalledExtension": phone.name,
            "CalledExtensionID": phone.id,
        }
        thread = telling.thread(ids.at(at + each), phone, **parties)
        thread.dials("dial-in", at + each)
        threads.append(thread)
    return threads


def _origins_decided(origins: Sequence[Thread], at: int, *, picked_up: bool) -> None:
    """One origin answers and the others stop ringing, or none of them answers."""
    for each, thread in enumerate(origins):
        if not picked_up:
            thread.hangs_up(at + each, "unanswered")
        elif each == 0:
            thread.answers(at)
        else:
            thread.hangs_up(at + each, "cancelled")


def _origins(request: Mapping[str, Any]) -> list[str]:
    found = request["src_num"]
    return [str(number) for number in (found if isinstance(found, list) else [found])]


def _said(request: Mapping[str, Any], *names: str) -> str | None:
    """The first of these options that was given."""
    return next((str(request[name]) for name in names if request.get(name)), None)


def _caller(request: Mapping[str, Any], owner: Extension) -> str:
    return _said(request, "caller_id_number") or owner.number


def _tag(request: Mapping[str, Any]) -> str | None:
    tag: str | None = (request.get("variables") or {}).get("tag")
    return tag


def _told(
    telling: Telling,
    request: Mapping[str, Any],
    destination: _Destination,
    *,
    initiation: str,
    owner: Extension,
    started_at: int,
) -> SimulatedCall:
    """The call with what happened in it; if its destination was not called, only the origins have events."""
    webhooks = telling.told()
    dials = [each.at for each in webhooks if each.kind == "dial"]
    called = destination.rang_at is not None
    last = max((each.at for each in webhooks if each.kind == "hangup"), default=started_at)
    first = next(iter(webhooks), None)
    extension = owner.name if first is None else str(first.fields.get("CalledExtension", owner.name))
    rang_at = destination.rang_at if called else min(dials, default=None)
    until = destination.answered_at or last
    truth = Truth(
        scenario="dialled",
        dialect=EXTENSION_EVENTS.name,
        legs=ids_of(webhooks, "CallID", "SubCallID", "CallBackID") or (initiation,),
        uuid=str(first.fields["CallID"]) if first else initiation,
        direction="outbound",
        method="api",
        caller=_caller(request, owner) if called or first is None else str(first.fields["CallerIDNum"]),
        callee=str(request["dst_num"]) if called or first is None else extension,
        display_number=next((str(each.fields["ANI"]) for each in webhooks if "ANI" in each.fields), None),
        extension=extension,
        started_at=min(dials, default=started_at),
        rang_at=min(dials, default=None),
        answered_at=destination.answered_at,
        ended_at=last,
        ring_time=None if rang_at is None else until - rang_at,
        talk_time=destination.talked,
        outcome=destination.outcome if called else "unanswered",
        tag=_tag(request),
        recording=destination.recording,
    )
    return SimulatedCall(truth, webhooks)
