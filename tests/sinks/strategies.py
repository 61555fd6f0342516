"""Made-up events of made-up calls, all that both dialects can say, and how their records may come."""

from __future__ import annotations

import uuid
from functools import reduce
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from schemas.events import CallEvent
from schemas.records import BILLED, DESCRIBED, Record, join, record_of

if TYPE_CHECKING:
    import random

    from hypothesis.strategies import DrawFn

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
durations = st.one_of(st.just(0), st.integers(0, 3_600_000_000), st.integers(0, 2**50))
texts = st.one_of(st.sampled_from(["", "13800138000", "8001", "8002", "outbound"]), st.text(max_size=6))
codes = st.one_of(st.integers(0, 40), st.integers(-(2**63), 2**63 - 1))


def _said(name: str) -> st.SearchStrategy[Any]:
    if name in NUMBERS:
        return codes
    if name == "outcome":
        return st.sampled_from(OUTCOMES)
    if name.endswith("_at"):
        return times
    return durations if name.endswith("_time") else texts


_FREQUENT_KINDS = ("ring", "answer", "hangup", "cdr", "dial", "voicemail", "requested")


@st.composite
def events(draw: DrawFn, kinds: tuple[str, ...] = _FREQUENT_KINDS) -> CallEvent:
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
        # few ids: two CDRs of one id and one time with other words are what a new release may make of one
        event_id=draw(st.sampled_from(["e1", "e2", "e3"])),
        callback_id=str(uuid.UUID(int=draw(st.integers(0, 2**128 - 1)), version=4)),
        account="acme",
        source=draw(st.sampled_from(["one", "two"])),
        dialect=dialect,
        kind=kind,  # type: ignore[arg-type]
        ids=tuple(sorted({leg, *ids})),
        leg=leg,
        received_at=draw(times),
        occurred_at=draw(times),
        clock="provider",
        **said,
    )


_OF_CDRS = ("side", "bridged", "uuid", "tag", "requested_by", "variables")
_OF_EVENTS = (*_OF_CDRS, "extension", "started_at", "outcome", "talk_time")


@st.composite
def call_records(draw: DrawFn) -> list[Record]:
    """The records that tell of one call, in any order, some twice; its legs are a, b, c and d."""
    # one call in four is known by its CDRs alone
    kinds = draw(st.sampled_from([_FREQUENT_KINDS, _FREQUENT_KINDS, _FREQUENT_KINDS, ("cdr",)]))
    told = [record_of(event) for event in draw(st.lists(events(kinds), min_size=1, max_size=6))]
    if draw(st.booleans()):
        last = max(record["last_received_at"] for record in told)
        as_of = last + draw(st.sampled_from([-1, 0, 1]))
        told.append({"closed": [1, as_of, draw(st.sampled_from(["timeout", "asked"]))]})
    shuffled = draw(st.permutations(told))
    return [*shuffled, *draw(st.lists(st.sampled_from(told), max_size=2))]


def within(call_id: str, record: Record) -> Record:
    """The same with legs of this call's own."""

    def renamed(leg: str) -> str:
        return f"{call_id}-{leg}"

    own = dict(record)
    for name in ("ids", "live"):
        if name in own:
            own[name] = [renamed(leg) for leg in own[name]]
    for name in ("ends", "legs"):
        if name in own:
            own[name] = {renamed(leg): value for leg, value in own[name].items()}
    return own


def pieces(records: list[Record], order: random.Random, most: int = 4) -> list[Record]:
    """Join some of the records: at most so many are left, in any order."""
    groups: list[list[Record]] = [[] for _ in range(order.randint(1, most))]
    for record in records:
        order.choice(groups).append(record)
    return [reduce(join, group) for group in groups if group]
