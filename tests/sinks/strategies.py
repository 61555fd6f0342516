"""Made-up events of made-up calls, all that both dialects can say."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from schemas.calls import BILLED
from schemas.events import CallEvent
from schemas.tellers import DESCRIBED

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from schemas.events import Kind

START = 1_612_836_000_000_000
"""A day in 2021, microseconds since 1970 UTC."""

LEGS = ("a", "b", "c", "d")
OUTCOMES = ("answered", "unanswered", "busy", "cancelled", "congestion", "unavailable")
NUMBERS = frozenset({"round", "hangup_cause", "hangup_direction"})

times = st.one_of(
    st.integers(START, START + 5),  # ties are likely
    st.integers(START, START + 120_000_000),
    st.integers(1, 2**50),
)
receipts = st.integers(START, START + 120_000_000) | st.integers(START, START + 200_000_000_000)
durations = st.one_of(st.just(0), st.integers(0, 3_600_000_000), st.integers(0, 2**48))
texts = st.one_of(st.sampled_from(["", "13800138000", "8001", "8002", "outbound"]), st.text(max_size=6))
codes = st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**63 - 1))


def _said(name: str) -> st.SearchStrategy[Any]:
    if name in NUMBERS:
        return codes
    if name == "direction":
        return st.sampled_from(["inbound", "outbound"])
    if name == "outcome":
        return st.sampled_from(OUTCOMES)
    if name.endswith("_at"):
        return times
    return durations if name.endswith("_time") else texts


_FREQUENT_KINDS: tuple[Kind, ...] = ("ring", "answer", "hangup", "cdr", "dial", "voicemail", "requested")
_CDRS: tuple[Kind, ...] = ("cdr",)


@st.composite
def events(draw: DrawFn, kinds: tuple[Kind, ...] = _FREQUENT_KINDS) -> CallEvent:
    """One event about one of four legs."""
    kind = draw(st.sampled_from(kinds))
    dialect = draw(st.sampled_from(["common-api", "extension-events"]))
    leg = draw(st.sampled_from(LEGS))
    ids = draw(st.lists(st.sampled_from(LEGS), max_size=3))
    names = (*BILLED, *_OF_CDRS) if kind == "cdr" else (*DESCRIBED, *_OF_EVENTS)
    said: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=8, unique=True)):
        if name == "side":
            said[name] = draw(st.sampled_from(["a", "b"]))
        elif name == "bridged":
            said[name] = draw(st.booleans())
        elif name == "uuid":
            said[name] = draw(st.sampled_from(LEGS))
        elif name == "variables":
            said[name] = draw(st.dictionaries(texts, texts, max_size=3))
        else:
            said[name] = draw(_said(name))
    return CallEvent(
        event_id=draw(st.sampled_from(["e1", "e2", "e3", "e4", "e5", "e6"])),
        callback_id=str(uuid.UUID(int=draw(st.integers(0, 2**128 - 1)), version=4)),
        account="acme",
        source=draw(st.sampled_from(["one", "two"])),
        dialect=dialect,
        kind=kind,
        ids=tuple(sorted({leg, *ids})),
        leg=leg,
        received_at=draw(receipts),
        occurred_at=draw(times),
        clock="provider",
        **said,
    )


_OF_CDRS = ("side", "bridged", "uuid", "tag", "requested_by", "variables")
_OF_EVENTS = (*_OF_CDRS, "extension", "started_at", "outcome", "talk_time")


@st.composite
def calls(draw: DrawFn) -> list[CallEvent]:
    """The events of one call, in any order, some twice; its legs are some of a, b, c and d, and `a`."""
    # one call in four is known by its CDRs alone
    kinds = _CDRS if draw(st.integers(0, 3)) == 3 else _FREQUENT_KINDS
    told = draw(st.lists(events(kinds), min_size=1, max_size=6, unique_by=lambda event: event.event_id))
    told = [replace(event, ids=tuple(sorted({"a", *event.ids}))) for event in told]
    if draw(st.booleans()):
        last = max(event.last_heard for event in told)
        told.append(closing(told[0], max(1, last + draw(st.sampled_from([-1, 0, 1])))))
    shuffled = draw(st.permutations(told))
    return [*shuffled, *draw(st.lists(st.sampled_from(told), max_size=2))]


def closing(event: CallEvent, at: int) -> CallEvent:
    """The closing of the event's call, as correlate makes it."""
    return CallEvent(
        event_id="closing",
        callback_id="",
        account=event.account,
        source=event.source,
        dialect=event.dialect,
        kind="closed",
        ids=("a",),
        leg="a",
        received_at=at,
        occurred_at=at,
        clock="ingress",
        extra={"reason": "timeout"},
    )


def within(call_id: str, event: CallEvent) -> CallEvent:
    """The same in a call of this id, with legs and an event id of its own."""

    def renamed(leg: str) -> str:
        return f"{call_id}-{leg}"

    return replace(
        event,
        event_id=renamed(event.event_id),
        ids=tuple(map(renamed, event.ids)),
        leg=renamed(event.leg),
    )
