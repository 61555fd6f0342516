"""A search for calls: what is asked for, as conditions of SQL, and where its next page begins. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from console.fields import time_of
from schemas.times import microseconds
from schemas.uuids import UUID, bare, canonical, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from zoneinfo import ZoneInfo

OUTCOMES = ("answered", "unanswered", "busy", "cancelled", "congestion", "unavailable", "open")
DIRECTIONS = ("inbound", "outbound")
FIELDS = ("q", "agent", "outcome", "direction", "account", "since", "until")
"""The names of the form's fields."""
SEPARATOR = "~"
"""Between the parts of a cursor: the last of them, an id, may hold anything."""
MOST_DIGITS = 18
"""How many digits a time in microseconds may have: ClickHouse can store no longer one."""
SHORTEST_END = 4
"""Digits by whose end a number is found."""

CONDITIONS = {
    "account": "account = %(account)s",
    "ends": (
        "(endsWith(ifNull(caller, ''), %(ends)s) OR endsWith(ifNull(callee, ''), %(ends)s) "
        "OR endsWith(ifNull(display_number, ''), %(ends)s))"
    ),
    "exact": "(caller = %(exact)s OR callee = %(exact)s OR display_number = %(exact)s)",
    "agent": "(extension = %(agent)s OR agent_id = %(agent)s)",
    "outcome": "outcome = %(outcome)s",
    "open": "outcome = '' AND close_reason = ''",
    "direction": "direction = %(direction)s",
    "since": "began_at >= fromUnixTimestamp64Micro(toInt64(%(since)s), 'UTC')",
    "until": "began_at < fromUnixTimestamp64Micro(toInt64(%(until)s), 'UTC')",
}
"""Only our own texts: what people ask for is passed as values."""
NAMED = "(customer_ref = %(text)s OR tag = %(text)s OR {named})"
BY_INDEX = "(account, day, call_id) IN (SELECT account, day, call_id FROM call_ids WHERE id IN %(ids)s)"
BY_SCAN = (
    "(call_id = %(id)s OR uuid = %(text)s OR has(legs, %(text)s) OR (%(bare)s != '' AND "
    "arrayExists(leg -> replaceRegexpAll(lower(leg), 'urn:uuid:|[^0-9a-f]', '') = %(bare)s, legs)))"
)
"""`legs` has ids as the provider wrote them: of a UUID only its digits are compared."""
BEHIND = (
    "(began_at, call_id, account) < "
    "(fromUnixTimestamp64Micro(toInt64(%(began)s), 'UTC'), %(behind_id)s, %(behind_account)s)"
)


class Place(NamedTuple):
    """Where a page of results ends: calls are in the order of these, the newest first."""

    began: int
    """Microseconds since 1970 UTC."""
    account: str
    call_id: str

    def written(self) -> str:
        return SEPARATOR.join((str(self.began), self.account, self.call_id))

    @classmethod
    def read(cls, text: str) -> Place | None:
        """None for what is no place."""
        began, _, rest = text.partition(SEPARATOR)
        account, separator, call_id = rest.partition(SEPARATOR)
        is_place = began.isdecimal() and len(began) <= MOST_DIGITS and separator
        return cls(int(began), account, call_id) if is_place else None


@dataclass(frozen=True)
class Search:
    text: str = ""
    """A number, its last digits, an id or a reference."""
    agent: str = ""
    """An extension, or the provider's number of the agent."""
    outcome: str = ""
    direction: str = ""
    account: str = ""
    since: int | None = None
    """Microseconds since 1970 UTC."""
    until: int | None = None
    place: Place | None = None

    @classmethod
    def asked(cls, fields: Mapping[str, str], zone: ZoneInfo) -> Search:
        """Read a form. An unknown choice is ignored; a time that can't be read raises `Unreadable`."""
        given = {name: value.strip() for name, value in fields.items()}
        outcome, direction = given.get("outcome", ""), given.get("direction", "")
        return cls(
            text=given.get("q", ""),
            agent=given.get("agent", ""),
            outcome=outcome if outcome in OUTCOMES else "",
            direction=direction if direction in DIRECTIONS else "",
            account=given.get("account", ""),
            since=_time("From", given.get("since", ""), zone),
            until=_time("Until", given.get("until", ""), zone),
            place=Place.read(given.get("behind", "")),
        )

    def where(self, *, has_index: bool) -> str:
        """As SQL; `has_index` tells whether `call_ids` may be read."""
        return "\n    AND ".join(self._conditions(has_index=has_index)) or "true"

    def _conditions(self, *, has_index: bool) -> Iterator[str]:
        if self.account:
            yield CONDITIONS["account"]
        if self.text:
            number = CONDITIONS["ends" if _is_end(self.text) else "exact"]
            yield f"({number} OR {NAMED.format(named=BY_INDEX if has_index else BY_SCAN)})"
        if self.agent:
            yield CONDITIONS["agent"]
        if self.outcome:
            yield CONDITIONS["open" if self.outcome == "open" else "outcome"]
        for name in ("direction", "since", "until"):
            if getattr(self, name) not in (None, ""):
                yield CONDITIONS[name]
        if self.place:
            yield BEHIND

    def values(self) -> dict[str, Any]:
        place = self.place or Place(0, "", "")
        return {
            "account": self.account,
            "text": self.text,
            "exact": self.text,
            "ends": self.text,
            "id": canonical(self.text) if self.text else "",
            "ids": spellings(self.text),
            "bare": bare(self.text) if UUID.fullmatch(self.text) else "",
            "agent": self.agent,
            "outcome": self.outcome,
            "direction": self.direction,
            "since": self.since or 0,
            "until": self.until or 0,
            "began": place.began,
            "behind_id": place.call_id,
            "behind_account": place.account,
        }


def _is_end(text: str) -> bool:
    """Whether it may be a number, or the end of one."""
    return len(text) >= SHORTEST_END and text.isascii() and text.removeprefix("+").isdigit()


def _time(label: str, text: str, zone: ZoneInfo) -> int | None:
    found = time_of(label, text, zone)
    return None if found is None else microseconds(found)
