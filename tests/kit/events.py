"""Events: one whose fields a test names, random calls, and those that the samples make."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from processors.normalize.step import Normalized, normalize
from schemas.events import CallEvent
from tests.kit.callbacks import sent
from tests.samples import CALLS, MESSAGES, in_shape

if TYPE_CHECKING:
    import random

    from tests.samples import SampleCall

AT = 1_600_000_000_000_000
"""2020-09-13, in microseconds since 1970 UTC."""


def event(kind: str = "ring", leg: str = "a", **fields: Any) -> CallEvent:
    """An event of one leg, received two seconds after it happened; `fields` replace or add."""
    defaults: dict[str, Any] = {
        "event_id": "e1",
        "callback_id": "c1",
        "account": "acme",
        "source": "shanghai",
        "dialect": "common-api",
        "kind": kind,
        "ids": (leg,),
        "leg": leg,
        "received_at": AT + 2_000_000,
        "occurred_at": AT,
        "clock": "provider",
    }
    return CallEvent(**(defaults | fields))


def call_events(rng: random.Random, *, legs: int = 8, events: int = 12, prefix: str = "") -> list[CallEvent]:
    """Some events of both dialects over up to eight legs, each naming one, two or three.

    They may fall into several calls.
    """
    names = [f"{prefix}{rng.randrange(16**6):06x}" for _ in range(rng.randint(1, legs))]
    dialect = rng.choice(tuple(_KINDS))
    return [
        _random_event(rng, names, dialect, AT + rng.randrange(600_000_000), number)
        for number in range(rng.randint(1, events))
    ]


_KINDS = {
    "common-api": ("ring", "answer", "hangup", "cdr"),
    "extension-events": ("dial", "answer", "hangup", "requested"),
}


def _random_event(rng: random.Random, names: list[str], dialect: str, at: int, number: int) -> CallEvent:
    kind = rng.choice(_KINDS[dialect])
    ids = tuple(sorted(set(rng.sample(names, min(len(names), rng.choice((1, 1, 2, 2, 2, 3)))))))
    return event(
        kind,
        rng.choice(ids),
        event_id=f"{names[0]}-{number}",
        callback_id=f"callback-{number}",
        source="src",
        dialect=dialect,
        ids=ids,
        received_at=at + rng.randrange(5_000_000),
        occurred_at=at,
        uuid=min(ids),
        **_random_fields(rng, kind, at),
    )


def _random_fields(rng: random.Random, kind: str, at: int) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "side": rng.choice(("a", "b", None)),
        "direction": rng.choice(("inbound", "outbound", None)),
        "caller": rng.choice(("100", "200", None)),
        "extension": rng.choice(("7", "8", None)),
        "started_at": rng.choice((at - 1_000_000, None)),
    }
    if kind == "requested":
        fields["tag"] = rng.choice(("spring", None))
        fields["variables"] = rng.choice(({"A": "1", "B": str(at)}, {}, None))
        fields["requested_by"] = rng.choice(("7", "8"))
    if kind in {"hangup", "cdr"}:
        fields["outcome"] = rng.choice(("answered", "busy", "unanswered"))
        fields["talk_time"] = rng.choice((0, 7_000_000))
        fields["hangup_cause"] = rng.choice((10020, None))
    if kind == "hangup":
        fields["bridged"] = rng.choice((True, False, None))
    if kind == "cdr":
        fields["ended_at"] = at
        fields["ring_time"] = 3_000_000
    return fields


def sampled(call: SampleCall) -> list[CallEvent]:
    """The events of a sample's callbacks."""
    return [
        event
        for number, each in enumerate(call.payloads)
        for event in _events(each, call.dialect, call.timezone, number)
    ]


@cache
def samples() -> dict[str, list[CallEvent]]:
    """The events of every sample call, by the call's name."""
    return {call.name: sampled(call) for call in CALLS}


def messages() -> list[CallEvent]:
    """The events of callbacks that belong to no call."""
    return [
        event
        for number, each in enumerate(MESSAGES)
        for event in _events(each, "extension-events", "UTC", number)
    ]


def _events(payload: dict[str, object], dialect: str, timezone: str, number: int) -> tuple[CallEvent, ...]:
    received = sent(in_shape(payload, "json"), received_at=AT + number)
    outcome = normalize(received, dialect, ZoneInfo(timezone))
    assert isinstance(outcome, Normalized), outcome
    return outcome.events
