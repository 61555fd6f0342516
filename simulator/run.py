"""One run of the simulated provider: calls, the fate of their webhooks, and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.misbehaviour import WELL_BEHAVED, Misbehaviour
from simulator.schedule import Span, in_order, plan
from simulator.sending import Manner, Postman, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from simulator.connection import Endpoint
    from simulator.ledger import Ledger
    from simulator.schedule import Planned
    from simulator.traffic import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    seed: int = 0
    calls: int = 100
    rate: float = 50.0
    """Callbacks a second, on average over the time in which calls begin."""
    misbehaviour: Misbehaviour = WELL_BEHAVED
    manner: Manner = field(default_factory=Manner)


async def run(
    wishes: Wishes,
    senders: Sequence[Sender],
    endpoints: Mapping[str, Endpoint],
    ledger: Ledger,
    tally: Tally,
    *,
    now: int,
) -> None:
    """Send everything; `now` is µs since 1970, `endpoints` are by source."""
    span = Span.of(wishes.calls, wishes.rate, wishes.manner.speedup, now)
    planned = plan(wishes.seed, senders, wishes.calls, span, wishes.misbehaviour)
    postman = Postman(endpoints, wishes.manner, tally, ledger.note)
    await postman.deliver(in_order(_entered(planned, ledger)), span.begin)


def _entered(planned: Iterator[Planned], ledger: Ledger) -> Iterator[Planned]:
    """Pass the calls on; each is in the ledger before any of its webhooks is sent."""
    for each in planned:
        ledger.begins(each)
        yield each
