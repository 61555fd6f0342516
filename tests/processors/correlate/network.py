"""Correlators without Kafka: legs that send each other messages, any of which may come late, twice, or be
sent again after a crash between saving the state and sending."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import TYPE_CHECKING

from processors.correlate.leg import Leg, confirm, join
from processors.correlate.step import step
from schemas import records

if TYPE_CHECKING:
    import random

    from schemas.events import CallEvent
    from schemas.links import Told


class Network:
    """Every leg's state, every message under way, and what was emitted."""

    def __init__(self, rng: random.Random, *, crashes: float = 0.2, duplicates: float = 0.1) -> None:
        self.rng = rng
        self.crashes = crashes
        self.duplicates = duplicates
        self.legs: dict[str, Leg] = {}
        self.inbox: dict[str, list[Told]] = defaultdict(list)
        self.emitted: dict[str, records.Record] = {}
        """By call id, merged as `call_records` does."""
        self.emissions = 0
        self.messages = 0

    def feed(self, events: list[CallEvent]) -> None:
        """Publish the events, each keyed by the smallest id that it names."""
        for event in events:
            self._deliver(event.ids[0], event)

    def run(self, most: int = 10_000) -> None:
        """Deliver in random order and random batches until nothing is under way."""
        for _ in range(most):
            waiting = [own for own, inbox in self.inbox.items() if inbox]
            if not waiting:
                return
            self._work(self.rng.choice(waiting))
        raise AssertionError("the messages do not end")

    def _work(self, own: str) -> None:
        inbox = self.inbox[own]
        self.rng.shuffle(inbox)
        size = self.rng.randint(1, len(inbox))
        batch, self.inbox[own] = inbox[:size], inbox[size:]
        before = self.legs.get(own, Leg())
        leg, sends = step(own, before, batch, now=1)
        # a worker that lost the leg, and does not know yet, may write its older state over it: they merge
        self.legs[own] = join(leg, before) if self.rng.random() < self.crashes else leg
        if self.rng.random() < self.crashes:
            for name, told in sends.told:
                if self.rng.random() < 0.5:
                    self._deliver(name, told)
            if sends.record is not None and self.rng.random() < 0.5:
                self._emit(own, sends.record)
            self.inbox[own] += batch  # nothing was acknowledged: the whole batch comes again
            return
        for name, told in sends.told:
            self._deliver(name, told)
        if sends.record is not None:
            self._emit(own, sends.record)
        self.legs[own] = confirm(self.legs[own], sends.links())

    def _deliver(self, own: str, told: Told) -> None:
        self.messages += 1
        self.inbox[own] += [told] * (2 if self.rng.random() < self.duplicates else 1)

    def _emit(self, own: str, record: records.Record) -> None:
        self.emissions += 1
        self.emitted[own] = records.join(self.emitted.get(own, {}), record)


def model(events: list[CallEvent]) -> dict[str, records.Record]:
    """By call id, the record that merging everything at once gives: a plain union-find."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for event in events:
        smallest = min(root(name) for name in event.ids)
        for name in event.ids:
            parent[root(name)] = smallest
    calls: dict[str, list[records.Record]] = defaultdict(list)
    for event in events:
        calls[root(event.ids[0])].append(records.record_of(event))
    return {call_id: reduce(records.join, known) for call_id, known in calls.items()}
