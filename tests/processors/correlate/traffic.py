"""Random calls of both dialects: graphs of up to eight legs, tied by events that name one, two or three."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import CallEvent

if TYPE_CHECKING:
    import random

START = 1_600_000_000_000_000
"""2020-09-13, in microseconds since 1970 UTC."""


def call_events(rng: random.Random, *, legs: int = 8, events: int = 12, prefix: str = "") -> list[CallEvent]:
    """Some events over some legs; they may fall into several calls."""
    names = [f"{prefix}{rng.randrange(16**6):06x}" for _ in range(rng.randint(1, legs))]
    dialect = rng.choice(("common-api", "extension-events"))
    return [
        _event(rng, names, dialect, START + rng.randrange(600_000_000), number)
        for number in range(rng.randint(1, events))
    ]


def _event(rng: random.Random, names: list[str], dialect: str, at: int, number: int) -> CallEvent:
    kinds = (
        ("ring", "answer", "hangup", "cdr")
        if dialect == "common-api"
        else ("dial", "answer", "hangup", "requested")
    )
    kind = rng.choice(kinds)
    ids = tuple(sorted(set(rng.sample(names, min(len(names), rng.choice((1, 1, 2, 2, 2, 3)))))))
    leg = rng.choice(ids)
    return CallEvent(
        event_id=f"{names[0]}-{number}",
        callback_id=f"callback-{number}",
        account="acme",
        source="src",
        dialect=dialect,
        kind=kind,  # type: ignore[arg-type]  # one of the literals above
        ids=ids,
        leg=leg,
        received_at=at + rng.randrange(5_000_000),
        occurred_at=at,
        clock="provider",
        uuid=min(ids),
        **_said(rng, kind, at),
    )


def _said(rng: random.Random, kind: str, at: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "side": rng.choice(("a", "b", None)),
        "direction": rng.choice(("inbound", "outbound", None)),
        "caller": rng.choice(("100", "200", None)),
        "extension": rng.choice(("7", "8", None)),
        "started_at": rng.choice((at - 1_000_000, None)),
    }
    if kind == "requested":
        said["tag"] = rng.choice(("spring", None))
        said["variables"] = rng.choice(({"A": "1", "B": str(at)}, {}, None))
        said["requested_by"] = rng.choice(("7", "8"))
    if kind in {"hangup", "cdr"}:
        said["outcome"] = rng.choice(("answered", "busy", "unanswered"))
        said["talk_time"] = rng.choice((0, 7_000_000))
        said["hangup_cause"] = rng.choice((10020, None))
    if kind == "hangup":
        said["bridged"] = rng.choice((True, False, None))
    if kind == "cdr":
        said["ended_at"] = at
        said["ring_time"] = 3_000_000
    return said
