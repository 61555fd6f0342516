"""What is sent when: the webhooks of many calls, merged into one sequence in order of time."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from schemas.times import SECOND
from simulator.misbehaviour import misbehave
from simulator.traffic import CALLBACKS_A_CALL, calls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from simulator.misbehaviour import Delivery, Fate, Misbehaviour
    from simulator.model import SimulatedCall
    from simulator.traffic import Sender

TAIL = 3600 * SECOND
"""Longer than any call (µs)."""


@dataclass(frozen=True, slots=True)
class Span:
    """When the calls of a run begin, by their own clock (µs since 1970)."""

    begin: int
    end: int

    @classmethod
    def of(cls, count: int, rate: float, speedup: float, now: int) -> Span:
        """For `count` calls at `rate` callbacks a second, while the calls' clock runs `speedup` times faster.

        The calls' clock lags far enough behind that no call ends in the future.
        """
        seconds = count * CALLBACKS_A_CALL / rate
        length = max(1, int(seconds * speedup * 1_000_000))
        begin = now - int((length + TAIL) * (1 - 1 / speedup))
        return cls(begin, begin + length)


@dataclass(frozen=True, slots=True)
class Planned:
    number: int
    begins: int
    """µs, by the calls' clock: no callback of this call or a later one is due before."""
    sender: Sender
    call: SimulatedCall
    fate: Fate


@dataclass(frozen=True, slots=True)
class Sending:
    planned: Planned
    delivery: Delivery


def plan(
    seed: int, senders: Sequence[Sender], count: int, span: Span, how: Misbehaviour
) -> Iterator[Planned]:
    """The calls of a run; only the seed decides which they are, however the provider misbehaves."""
    rng = Random(f"misbehaviour {seed}")
    for number, (begins, sender, call) in enumerate(calls(seed, senders, count, span.begin, span.end)):
        yield Planned(number, begins, sender, call, misbehave(rng, call, how, ZoneInfo(sender.timezone)))


def in_order(planned: Iterator[Planned]) -> Iterator[Sending]:
    """Everything to send, by when it is due; only calls under way are kept in memory."""
    waiting: list[tuple[int, int, Sending]] = []
    tie = itertools.count()
    for each in planned:
        while waiting and waiting[0][0] < each.begins:
            yield heapq.heappop(waiting)[2]
        for delivery in each.fate.deliveries:
            heapq.heappush(waiting, (delivery.due, next(tie), Sending(each, delivery)))
    while waiting:
        yield heapq.heappop(waiting)[2]
