"""Correlators without Kafka: legs that send each other messages, any of which may come late, twice, or be
sent again after a crash between saving the state and sending; and workers that go on with a leg they lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from processors.correlate.leg import Leg, confirm, join
from processors.correlate.step import Sends, step
from schemas import records

if TYPE_CHECKING:
    import random

    from schemas.events import CallEvent
    from schemas.links import Told


@dataclass
class Zombie:
    """A worker that stood still while another took its leg over: it has fetched what the other works on."""

    leg: Leg
    """As it was when it stood still."""
    fetched: list[Told] = field(default_factory=list)


class Network:
    """Every leg's state, every message under way, and what was emitted."""

    def __init__(self, rng: random.Random, *, crashes: float = 0.2, duplicates: float = 0.1) -> None:
        self.rng = rng
        self.crashes = crashes
        self.duplicates = duplicates
        self.legs: dict[str, Leg] = {}
        self.zombies: dict[str, Zombie] = {}
        self.written: dict[str, Leg] = {}
        """What zombies wrote of a leg: read at the next recovery, and not before."""
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
            if waiting:
                self._work(self.rng.choice(waiting))
            elif self.zombies:
                self._haunt(self.rng.choice(list(self.zombies)))
            else:
                return
        raise AssertionError("the messages do not end")

    def _work(self, own: str) -> None:
        inbox = self.inbox[own]
        self.rng.shuffle(inbox)
        size = self.rng.randint(1, len(inbox))
        batch, self.inbox[own] = inbox[:size], inbox[size:]
        if self._happens():
            self.zombies.setdefault(own, Zombie(self.legs.get(own, Leg())))
        if self._happens():
            self._haunt(own)
        if own in self.zombies:
            self.zombies[own].fetched += batch
        leg, sends = step(own, self.legs.get(own, Leg()), batch, now=1)
        self.legs[own] = leg
        if self._happens():
            self._send(own, sends, lost=0.5)
            # who follows reads what all have written
            self.legs[own] = join(leg, self.written.get(own, Leg()))
            self.inbox[own] += batch  # nothing was acknowledged: the whole batch comes again
            return
        self._send(own, sends)
        self.legs[own] = confirm(leg, sends.for_good(own))
        if self._happens():
            self._haunt(own)

    def _happens(self) -> bool:
        return self.rng.random() < self.crashes

    def _haunt(self, own: str) -> None:
        """The zombie goes on for a batch, and notices before it commits: the other works on all of it too."""
        if own not in self.zombies:
            return
        zombie = self.zombies.pop(own)
        batch = zombie.fetched[: self.rng.randint(0, len(zombie.fetched))]
        leg, sends = step(own, zombie.leg, batch, now=1)
        self.written[own] = join(self.written.get(own, Leg()), leg)
        self._send(own, sends, lost=self.rng.choice((0, 0.5)))

    def _send(self, own: str, sends: Sends, lost: float = 0) -> None:
        for name, told in sends.told:
            if self.rng.random() >= lost:
                self._deliver(name, told)
        if sends.record is not None and self.rng.random() >= lost:
            self._emit(own, sends.record)

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
