"""What real providers do to their webhooks: repeat, shuffle, lose, delay and break them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import orjson

from schemas.times import SECOND
from simulator.shapes import JSON, MULTIPART, Request, detail, request_of
from simulator.untidy.mischiefs import untidied
from simulator.untidy.told import Told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Fields, SimulatedCall, Webhook

Reason = Literal["told", "duplicate", "malformed", "more", "probe"]
"""Why it is sent: as an event, a duplicate, a broken copy, an additional notice, or a test of the URL."""

SOON = 5 * SECOND
"""How soon a duplicate follows if nothing is shuffled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """Shares are between 0 and 1, times are µs."""

    duplicates: float = 0.0
    """Share of webhooks that are sent twice."""
    shuffle: int = 0
    """Each webhook is late by up to this, so that they overtake each other."""
    lost_hangups: float = 0.0
    """Share of hangups that are never sent. A CDR is no hangup."""
    late_cdr: int = 0
    """Each CDR is late by up to this."""
    malformed: float = 0.0
    """Share of webhooks that are also sent as a broken copy, which can't be read."""
    untidy: float = 0.0
    """Share of webhooks that are sent as no document shows them, but are readable."""


@dataclass(frozen=True, slots=True)
class Delivery:
    due: int
    """µs, by the calls' clock."""
    place: int
    """Which of the call's webhooks it is."""
    why: Reason
    request: Request
    mischief: str = ""
    """What an untidy sender makes of it."""


@dataclass(frozen=True, slots=True)
class Fate:
    deliveries: tuple[Delivery, ...]
    lost: frozenset[int]
    """Which webhooks are never sent."""
    untidy: Mapping[int, Told] = field(default_factory=dict)
    """Those that are sent untidily."""


WELL_BEHAVED = Misbehaviour()


def misbehave(rng: Random, call: SimulatedCall, how: Misbehaviour, zone: ZoneInfo) -> Fate:
    """`zone` is that of the sender's clocks."""
    deliveries: list[Delivery] = []
    lost: set[int] = set()
    untidy: dict[int, Told] = {}
    for place, webhook in enumerate(call.webhooks):
        if webhook.kind == "hangup" and rng.random() < how.lost_hangups:
            lost.add(place)
            continue
        due = webhook.at + int(rng.random() * how.shuffle)
        if webhook.kind == "cdr":
            due += int(rng.random() * how.late_cdr)
        name, told = "", Told(request_of(webhook.fields, webhook.shape))
        if rng.random() < how.untidy:
            name, told = untidied(rng, webhook, zone)
            untidy[place] = told
        deliveries += [Delivery(due, place, "probe", each, name) for each in told.probes]
        deliveries.append(Delivery(due, place, "told", told.request, name))
        deliveries += [Delivery(due, place, "more", each, name) for each in told.more]
        if rng.random() < how.duplicates:
            again = due + int(rng.random() * (how.shuffle or SOON))
            deliveries.append(Delivery(again, place, "duplicate", told.request, name))
        if rng.random() < how.malformed:
            deliveries.append(Delivery(due, place, "malformed", malformed(rng, webhook)))
    return Fate(tuple(deliveries), frozenset(lost), untidy)


def malformed(rng: Random, webhook: Webhook) -> Request:
    """A useless copy: it can't be decoded, or has no kind of event that the documents know."""
    if webhook.shape in {"json", "detail"} and rng.random() < 0.5:
        return _cut_off(rng, webhook)
    return request_of(_meaningless(rng, webhook.fields), webhook.shape)


def _cut_off(rng: Random, webhook: Webhook) -> Request:
    """JSON that ends in the middle."""
    json = orjson.dumps(webhook.fields)
    json = json[: rng.randrange(2, len(json) - 1)]
    is_json = webhook.shape == "json"
    return Request("POST", JSON, json) if is_json else Request("POST", MULTIPART, detail(json))


def _meaningless(rng: Random, fields: Fields) -> Fields:
    """An unknown kind of event, or no id; whatever else is wrong only makes a doubt."""
    if "EventType" in fields:
        ids: tuple[str, ...] = ("CallID", "SubCallID", "CallBackID")
        kind = "EventType"
    else:
        ids, kind = ("uuid", "buuid"), "status"
    nameless = {name: value for name, value in fields.items() if name not in ids}
    # a CDR has no kind that could be unknown
    unknown = {**fields, kind: "unheard-of"} if kind in fields else nameless
    return rng.choice((unknown, nameless, nameless))
