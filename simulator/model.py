"""A simulated call: what happened in it, and its webhooks.

Times are microseconds since 1970 UTC, durations microseconds; what does not exist is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import Direction, Kind, Outcome

Shape = Literal["json", "detail", "query", "urlencoded"]
"""How the documents let a payload arrive: a JSON body (000, 002), a form's field `detail` (001), a GET query
or a urlencoded POST (003)."""

Fields = dict[str, str | int]
"""A payload's fields, as its document writes them."""


@dataclass(frozen=True, slots=True)
class Webhook:
    at: int
    """When it happened, and so when the provider sends it."""
    kind: Kind
    leg: str
    """The id of the part of the call it is about."""
    shape: Shape
    fields: Fields
    subscriber: str = ""
    """The id of the extension number whose events these are (document 003); '' in the other dialect."""

    @property
    def event_type(self) -> str:
        """Its name in subscriptions (document 003): `dial-in`, `answer` …; '' in the other dialect."""
        return str(self.fields.get("EventType", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What happened in a call, in the words of `calls`, as far as its provider reports it."""

    scenario: str
    dialect: str
    legs: tuple[str, ...]
    """Every id that its webhooks contain, sorted: the first names the call."""
    uuid: str
    direction: Direction
    method: str | None
    caller: str
    callee: str
    display_number: str | None
    extension: str | None
    started_at: int
    ended_at: int
    answered_at: int | None
    rang_at: int | None
    """None if no webhook reports the ring, or if the ring's only time is that of its arrival."""
    ring_time: int | None
    """None if an IVR says that somebody answered, but not when."""
    talk_time: int
    outcome: Outcome
    agent_id: str | None = None
    customer_ref: str | None = None
    campaign: str | None = None
    round: int | None = None
    tag: str | None = None
    hangup_cause: int | None = None
    hangup_direction: int | None = None
    recording: str | None = None

    @property
    def call_id(self) -> str:
        return self.legs[0]


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    truth: Truth
    webhooks: tuple[Webhook, ...]
    """In the order of events; a call started by the API may have none (document 003)."""


def ids_of(webhooks: tuple[Webhook, ...], *names: str) -> tuple[str, ...]:
    """Every id in these fields of a call's webhooks, sorted."""
    return tuple(
        sorted({str(each.fields[name]) for each in webhooks for name in names if name in each.fields})
    )


def text_fields(fields: Mapping[str, str | int | None]) -> Fields:
    """Fields with a value, as a form writes them: the documents' optional fields are left out."""
    return {name: str(value) for name, value in fields.items() if value is not None}
