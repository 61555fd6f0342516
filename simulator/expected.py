"""The row of `calls` that a call must become, from what happened in it and which webhooks arrived.

An independent oracle: it does not know how callbacks are read and merged. What the rules of `calls` add:

- `common-api`: the CDR has everything but the ring, whose only time is that of its arrival. -
`extension-events`: a call is over once every part of it has ended. One lost hangup leaves it open: no end, no
outcome, no talk time; and no ring time unless it was answered.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from schemas.dialects import SENDING_CDRS
from schemas.times import SECOND
from simulator.model import Truth
from simulator.untidy.values import IDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from simulator.model import SimulatedCall, Webhook
    from simulator.untidy.told import Told

Columns = dict[str, str | int | float | bool | list[str] | None]
"""By the names of `calls`: times are µs since 1970, durations seconds."""

OTHERS = {"scenario", "legs", "ended_at", "rang_at", "ring_time", "talk_time", "outcome", "recording"}
SAME = ("call_id", *(each.name for each in fields(Truth) if each.name not in OTHERS))
"""Columns that lost hangups don't change."""
NONE: Mapping[int, Told] = {}


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a time that the provider can't know exactly: µs, None for no bound."""

    earliest: int
    latest: int | None


def columns(call: SimulatedCall, lost: Collection[int], untidy: Mapping[int, Told] = NONE) -> Columns:
    """Return the row's columns if these webhooks (by their place) never arrived, and these arrived untidy.

    Only hangups may be lost.
    """
    told = [each for place, each in enumerate(call.webhooks) if place not in lost]
    by_bill = call.truth.dialect in SENDING_CDRS
    row: Columns = {name: getattr(call.truth, name) for name in SAME}
    row["legs"] = list(call.truth.legs)
    # a queue's own hangup speaks for its agents
    is_over = by_bill or len(told) == len(call.webhooks) or any("Bridged" in each.fields for each in told)
    row |= _over(call.truth) if is_over else _open(call.truth)
    if by_bill:
        row["recording"] = call.truth.recording
    else:
        row["recording"] = _recording(told)
        row["extension"] = _extension(call, told)
        row["rang_at"] = call.truth.rang_at
    kinds = {each.kind for each in told}
    row |= {
        "has_ring": not kinds.isdisjoint({"ring", "dial"}),
        "has_answer": "answer" in kinds,
        "has_hangup": "hangup" in kinds,
        "has_cdr": "cdr" in kinds,
    }
    if any(each.written for each in untidy.values()):
        row |= _spelled(call, lost, untidy)
    for each in untidy.values():
        row |= each.columns
    return row


def _spelled(call: SimulatedCall, lost: Collection[int], untidy: Mapping[int, Told]) -> Columns:
    """Return the ids in every spelling, and of those of the call itself the smallest."""
    legs: set[str] = set()
    uuids: set[str] = set()
    for place, webhook in enumerate(call.webhooks):
        if place not in lost:
            written = untidy[place].written if place in untidy else {}
            told = {name: str(webhook.fields[name]) for name in IDS if name in webhook.fields}
            legs |= {written.get(id_, id_) for id_ in told.values()}
            uuids |= {written.get(told[name], told[name]) for name in ("uuid", "CallID") if name in told}
    return {"legs": sorted(legs), "uuid": min(uuids)}


def _over(truth: Truth) -> Columns:
    return {
        "ended_at": truth.ended_at,
        "ring_seconds": None if truth.ring_time is None else truth.ring_time / SECOND,
        "talk_seconds": truth.talk_time / SECOND,
        "outcome": truth.outcome,
        "state": "complete",
        "close_reason": "",
    }


def _open(truth: Truth) -> Columns:
    answered = truth.answered_at is not None
    return {
        "ended_at": None,
        "ring_seconds": truth.ring_time / SECOND if answered and truth.ring_time is not None else None,
        "talk_seconds": None,
        "outcome": "",
        "state": "answered" if answered else "ringing",
    }


def _extension(call: SimulatedCall, told: Sequence[Webhook]) -> str | None:
    """An IVR looks like any extension until its hangup; a queue is known by its calls to agents."""
    if call.truth.extension is None and not any("Bridged" in each.fields for each in told):
        return str(call.webhooks[0].fields["CalledExtension"])
    return call.truth.extension


def _recording(told: Sequence[Webhook]) -> str | None:
    """Of several conversations, the first that was reported."""
    return next((str(each.fields["RecID"]) for each in told if "RecID" in each.fields), None)
