"""Events to make records of: of the samples, and short ones."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from processors.normalize.step import Normalized, normalize
from schemas.events import CallEvent
from tests.processors.normalize.callbacks import callback
from tests.samples import CALLS, MESSAGES, SampleCall, in_shape

AT = 1_600_000_000_000_000
"""2020-09-13, in microseconds since 1970 UTC."""


def event(**said: Any) -> CallEvent:
    """An event of the leg `a`, received two seconds after it happened, that says little else."""
    return CallEvent(
        **{
            "event_id": "e1",
            "callback_id": "c1",
            "account": "acme",
            "source": "shanghai",
            "dialect": "common-api",
            "kind": "ring",
            "ids": ("a",),
            "leg": "a",
            "received_at": AT + 2_000_000,
            "occurred_at": AT,
            "clock": "provider",
            **said,
        }
    )


def sampled(call: SampleCall) -> list[CallEvent]:
    """What a sample's callbacks say."""
    return [
        _said(payload, call.dialect, call.timezone, number) for number, payload in enumerate(call.payloads)
    ]


def messages() -> list[CallEvent]:
    """What the callbacks say that are of no call."""
    return [_said(each, "extension-events", "UTC", number) for number, each in enumerate(MESSAGES)]


def _said(payload: dict[str, object], dialect: str, timezone: str, number: int) -> CallEvent:
    request = callback(in_shape(payload, "json"), received_at=AT + number)
    outcome = normalize(request, dialect, ZoneInfo(timezone))
    assert isinstance(outcome, Normalized), outcome
    (said,) = outcome.events
    return said


SAMPLES: dict[str, list[CallEvent]] = {call.name: sampled(call) for call in CALLS}
"""By the name of the call."""
