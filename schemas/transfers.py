"""Who handed a call on, and to whom: one who talked to the next who was rung, or to a number outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from schemas.tellers import by_offer, said_best

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.legs import Part

MOST_TRANSFERS = 50
"""A row lists so many transfers, the earliest, and counts all."""

NEVER = float("inf")


class Transfer(NamedTuple):
    """One time that a call was handed on."""

    at: int
    """When the next one was rung, microseconds since 1970 UTC."""
    by: str
    """The extension that handed it on; '' if that is not known."""
    to: str
    """The extension or number that it was handed to; '' if that is not known."""


@dataclass(frozen=True, slots=True)
class _Party:
    """One leg, as far as it can have handed the call on or taken it."""

    part: Part
    side: str
    offered_at: int | None
    talked_at: int | None
    """When talk on it began; None if nobody answered it."""
    ended_at: float
    """When it ended; later than all else while it has not."""

    @property
    def began_at(self) -> float:
        """When it was rung, or else the first that is known of it."""
        return next((at for at in (self.offered_at, self.talked_at) if at is not None), self.ended_at)


def transfers_of(parts: Iterable[Part]) -> list[Transfer]:
    """Give every transfer of a call, in order.

    A leg that says so was forwarded by its extension. Any other leg was handed the call if it was rung after
    somebody else had answered, and outlasted that one. Of several that ring in vain one counts.
    """
    parts = [part for part in parts if part.own and not part.is_queue]
    found = [_forwarding(part) for part in parts if _is_forwarded(part)]
    if len(parts) < 2:
        return found
    parties = [_party(part) for part in parts if not _is_forwarded(part)]
    talkers = [party for party in parties if party.talked_at is not None]
    handed_on = set()
    takers = [party for party in parties if party.began_at < NEVER] if talkers else []
    for taker in sorted(takers, key=_who_talked_first):
        giver = _giver(taker, talkers)
        if giver is not None and (taker.talked_at is not None or giver.part.leg not in handed_on):
            handed_on.add(giver.part.leg)
            found.append(_transfer(giver, taker))
    return sorted(found)


def _is_forwarded(part: Part) -> bool:
    return any(event.transferred for event in part.own)


def _forwarding(part: Part) -> Transfer:
    return Transfer(
        min(event.occurred_at for event in part.own),
        said_best("extension", part.own, by_offer) or "",
        said_best("callee", part.own, by_offer) or "",
    )


def _transfer(giver: _Party, taker: _Party) -> Transfer:
    by = said_best("extension", giver.part.own, by_offer) or ""
    called = taker.part.own
    to = said_best("extension", called, by_offer) or said_best("callee", called, by_offer) or ""
    return Transfer(int(taker.began_at), by, to)


def _party(part: Part) -> _Party:
    answered_at = part.answered_at
    if answered_at is None and part.spans:
        answered_at = part.spans[0][0]
    ended_at = NEVER if part.ended_at is None else part.ended_at
    side = part.side or "a"
    return _Party(part, side, part.offered_at, answered_at, ended_at)


def _who_talked_first(party: _Party) -> tuple[bool, float, str]:
    return party.talked_at is None, party.began_at, party.part.leg


def _giver(taker: _Party, talkers: list[_Party]) -> _Party | None:
    """Who handed the call to this leg: of those who could, the one that left nearest to its taking over."""
    took_at = taker.began_at if taker.talked_at is None else taker.talked_at
    could = [party for party in talkers if party.side == taker.side and _may_have_handed(party, taker)]
    return min(could, key=lambda party: (abs(party.ended_at - took_at), party.part.leg), default=None)


def _may_have_handed(giver: _Party, taker: _Party) -> bool:
    if giver is taker or giver.talked_at is None or giver.ended_at >= taker.ended_at:
        return False
    if taker.offered_at is not None:
        return giver.talked_at <= taker.offered_at
    return giver.ended_at <= taker.began_at
