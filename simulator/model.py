"""What a simulated call is: what happened in it, and the webhooks that tell so.

Times are microseconds since 1970 UTC, durations microseconds; what there is not is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.events import Direction, Kind, Outcome

Shape = Literal["json", "detail", "query", "urlencoded"]
"""How the documents let a payload come: a JSON body (000, 002), a form's field `detail` (001), a GET query or
a urlencoded POST (003)."""

Fields = dict[str, str | int]
"""A payload's fields, as its document writes them."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One thing that the provider has to tell."""

    at: int
    """When it happened, and so when the provider tells it."""
    kind: Kind
    leg: str
    """The id of the part of the call that it is about."""
    shape: Shape
    fields: Fields
    subscriber: str = ""
    """The id of the extension number whose events these are (document 003); '' in the other dialect."""

    @property
    def event_type(self) -> str:
        """As subscriptions name it (document 003): `dial-in`, `answer` …; '' in the other dialect."""
        return str(self.fields.get("EventType", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What happened in a call, in the words of `calls`, as far as its provider ever tells it."""

    scenario: str
    dialect: str
    legs: tuple[str, ...]
    """Every id that its webhooks name, sorted: the first names the call."""
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
    """None for a call whose ring nobody tells, or whose ring has no time but that of its arrival."""
    ring_time: int | None
    """None where an IVR says that somebody answered, but not when."""
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
        """The smallest of its ids."""
        return self.legs[0]


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call."""

    truth: Truth
    webhooks: tuple[Webhook, ...]
    """In the order in which they happen; a call started by the API may have none (document 003)."""


def ids_of(webhooks: tuple[Webhook, ...], *names: str) -> tuple[str, ...]:
    """Every id in these fields of a call's webhooks, sorted."""
    return tuple(
        sorted({str(each.fields[name]) for each in webhooks for name in names if name in each.fields})
    )


def text_fields(fields: Mapping[str, str | int | None]) -> Fields:
    """The fields that say something, as a form writes them: the documents' optional ones are left out."""
    return {name: str(value) for name, value in fields.items() if value is not None}
