"""Whether a backlog grows: a stage that falls behind, or one that has stopped. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

SPAN_SECONDS = 300.0
"""How long the lag is observed: bursts begin and end within it."""
LEAST = 500
"""A backlog up to this is a few seconds' worth."""


class Sample(NamedTuple):
    at: float
    """Seconds since any fixed moment."""
    messages: int


class Backlog:
    """What one stage has still to do, as it was seen over the last minutes."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        self._samples.append(sample)
        while self._samples[0].at < sample.at - SPAN_SECONDS:
            self._samples.popleft()

    def grows(self, *, told: bool = False) -> bool:
        """Whether the latest third lies above the earliest; what is `told` lasts until it is worked off."""
        latest = self._samples[-1]
        if told:
            return latest.messages > LEAST
        third = (latest.at - self._samples[0].at) / 3
        if third < SPAN_SECONDS / 4 or latest.messages <= LEAST:
            return False
        early = [each.messages for each in self._samples if each.at <= self._samples[0].at + third]
        late = [each.messages for each in self._samples if each.at >= latest.at - third]
        return min(late) > max(early)
