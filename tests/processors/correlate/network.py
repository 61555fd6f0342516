"""Correlators and tables without Kafka and ClickHouse: legs that send each other messages, any of which may
arrive late, twice, or again after a crash between saving the state and sending; workers that go on with a leg
they lost; legs that are forgotten, and recalled from the tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from processors.correlate.known import Known, known
from processors.correlate.leg import Leg, confirm, join
from processors.correlate.step import Bounds, Sends, step
from schemas.calls import days_of
from schemas.links import told_from_json, told_to_json
from schemas.records import FOR_GOOD, Record
from schemas.times import day_of
from sinks.tied import tied
from sinks.walk import Held, Naming, walk

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable, Iterator
    from datetime import date

    from schemas.events import CallEvent
    from schemas.links import Told
    from sinks.batch import Leg as TableLeg

ACCOUNT = "acme"
BOUNDS = Bounds()


@dataclass
class Zombie:
    """A worker that stood still while another took its leg over: it has fetched what the other works on."""

    leg: Leg
    """As it was when it stood still."""
    fetched: list[Told] = field(default_factory=list)


class Tables:
    """What the sink writes, and how it recalls."""

    def __init__(self) -> None:
        self.calls: dict[tuple[date, str], tuple[int, Record | None]] = {}
        """By day and call id: the highest version, and its row unless that is gone."""
        self.parts: set[tuple[TableLeg, TableLeg]] = set()
        """Legs whose own call became part of another, each with the leg that named that."""
        self.events: Known = {}
        self.namings: dict[str, set[Naming]] = defaultdict(set)
        """By id, what readings of events ever named it."""
        self.legs: dict[str, set[str]] = defaultdict(set)
        """By call id, the legs of which it ever had rows."""
        self.suspected: dict[TableLeg, int] = {}
        self.listed_events: set[tuple[TableLeg, str]] = set()
        """Which events rows of a call ever listed."""

    def write(self, record: Record) -> None:
        if record.suspect is not None:
            leg, since = (record.account, record.call_id), record.suspect.since
            self.suspected[leg] = min(since, self.suspected.get(leg, since))
        if record.call is not None:
            self.listed_events.update(((ACCOUNT, record.call_id), event) for event in record.call.events)
        self.legs[record.call_id].update(leg.leg_id for leg in record.legs)
        if record.part_of:
            self.parts.add(((ACCOUNT, record.call_id), (ACCOUNT, record.part_of)))
        if record.gone:
            for day in record.days:
                self._hold(day, record.call_id, record.version, None)
        elif record.call is not None:
            first, *later = record.days
            self._hold(first, record.call_id, record.version, record)
            for day in later:
                self._hold(day, record.call_id, FOR_GOOD, None)

    def _hold(self, day: date, call_id: str, version: int, row: Record | None) -> None:
        if self.calls.get((day, call_id), (0, None))[0] < version:
            self.calls[day, call_id] = version, row

    def hear(self, event: CallEvent) -> None:
        self.events = known(self.events.values(), [event])
        for name in event.ids:
            beside = tuple(each for each in event.ids if each != name)
            naming = Naming(ACCOUNT, name, day_of(event.received_at), event.event_id, beside)
            self.namings[name].add(naming)

    def recall(self, leg: str) -> list[tuple[str, Told]]:
        """Tell a leg that had no state all that the tables tie to it."""
        asked = [(ACCOUNT, leg)]
        sent: list[tuple[str, Told]] = []
        for group in tied(asked, walk(asked, self), self.events.values()):
            for day, call_id in list(self.calls):
                if call_id in group.ids[1:]:
                    self._hold(day, call_id, FOR_GOOD, None)
            self.parts.update(((ACCOUNT, call_id), (ACCOUNT, group.root)) for call_id in group.ids[1:])
            sent += [(name, told_from_json(value)) for name, value in group.messages()]
        return sent

    def suspects(self, legs: Collection[TableLeg]) -> dict[TableLeg, int]:
        return {leg: self.suspected[leg] for leg in legs if leg in self.suspected}

    def naming(self, legs: Collection[TableLeg]) -> list[Naming]:
        assert self.suspected.keys().isdisjoint(legs)
        return sorted(naming for _, leg in legs for naming in self.namings[leg])

    def naming_suspects_alone(self, legs: Collection[TableLeg]) -> list[Naming]:
        namings = (naming for _, leg in legs for naming in self.namings[leg])
        return sorted(naming for naming in namings if self.suspected.keys() >= {*naming.others})

    def calls_with(self, legs: Collection[TableLeg]) -> list[Held]:
        return [call for call in self._held() if not call.legs.isdisjoint(legs)]

    def listed(self, roots: Collection[TableLeg], events: Collection[str]) -> set[tuple[TableLeg, str]]:
        return {(root, event) for root, event in self.listed_events if root in roots and event in events}

    def merged(self, legs: Collection[TableLeg]) -> list[tuple[TableLeg, TableLeg]]:
        return [(leg, root) for leg, root in sorted(self.parts) if leg in legs]

    def calls_named(self, roots: Collection[TableLeg]) -> list[Held]:
        return [call for call in self._held() if call.root in roots]

    def _held(self) -> Iterator[Held]:
        for call_id, legs in self.legs.items():
            yield Held((ACCOUNT, call_id), frozenset((ACCOUNT, leg) for leg in legs))

    @property
    def rows(self) -> dict[tuple[date, str], Record]:
        return {place: row for place, (_, row) in self.calls.items() if row is not None}


class Network:
    """Every leg's state, every message under way, and what was emitted."""

    def __init__(
        self,
        rng: random.Random,
        *,
        crashes: float = 0.2,
        duplicates: float = 0.1,
        zombies: bool = True,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self.rng = rng
        self.bounds = bounds
        self.may_haunt = zombies
        self.crashes = crashes
        self.duplicates = duplicates
        self.legs: dict[str, Leg] = {}
        self.zombies: dict[str, Zombie] = {}
        self.written: dict[str, Leg] = {}
        """What zombies wrote of a leg: read at the next recovery, and not before."""
        self.inbox: dict[str, list[Told]] = defaultdict(list)
        self.out: list[Record | CallEvent] = []
        """What the sink has not read yet."""
        self.tables = Tables()
        self.records: list[Record] = []
        """All that were emitted."""
        self.messages = 0

    def feed(self, events: Iterable[CallEvent]) -> None:
        """Publish the events, each keyed by the smallest id that it names."""
        for event in events:
            self._deliver(event.ids[0], event)
            self.out.append(event)

    def run(self, most: int = 20_000) -> None:
        """Deliver in random order and random batches until nothing is under way."""
        for _ in range(most):
            waiting = [own for own, inbox in self.inbox.items() if inbox]
            if self.out and (not waiting or self.rng.random() < 0.4):
                self.sink()
            elif waiting:
                self._work(self.rng.choice(waiting))
            elif self.zombies:
                self._haunt(self.rng.choice(list(self.zombies)))
            else:
                return
        raise AssertionError("the messages do not end")

    def sink(self) -> None:
        """Read one message: there are several partitions, and so no order."""
        told = self.out.pop(self.rng.randrange(len(self.out)))
        if not isinstance(told, Record):
            self.tables.hear(told)
            return
        self.tables.write(told)
        if told.began:
            for own, recalled in self.tables.recall(told.call_id):
                self._deliver(own, recalled)

    def forget(self) -> None:
        """A long silence: some legs are dropped, as they are on a real worker."""
        for own in list(self.legs):
            if self.rng.random() < 0.6:
                self.legs.pop(own)
                self.written.pop(own, None)

    def work_a_little(self) -> None:
        """Let a few messages through."""
        for _ in range(self.rng.randint(0, 3)):
            if waiting := [own for own, inbox in self.inbox.items() if inbox]:
                self._work(self.rng.choice(waiting))
        if self.out and self.rng.random() < 0.5:
            self.sink()

    def _work(self, own: str) -> None:
        inbox = self.inbox[own]
        self.rng.shuffle(inbox)
        size = self.rng.randint(1, len(inbox))
        batch, self.inbox[own] = inbox[:size], inbox[size:]
        if self.may_haunt and self._happens():
            self.zombies.setdefault(own, Zombie(self.legs.get(own, Leg())))
        if self._happens():
            self._haunt(own)
        if own in self.zombies:
            self.zombies[own].fetched += batch
        leg, sends = step(own, self.legs.get(own, Leg()), batch, 1, self.bounds)
        if self._happens():
            self.inbox[own] += batch  # it died before anything was saved
            return
        self.legs[own] = leg = Leg.from_json(leg.to_json())
        if self._happens():
            self._send(own, sends, lost=0.5)
            # who follows reads what all have written
            self.legs[own] = join(leg, self.written.get(own, Leg()))
            self.inbox[own] += batch  # nothing was acknowledged: the whole batch comes again
            return
        self._send(own, sends)
        self.legs[own] = confirm(leg, sends.for_good())
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
        if not batch:
            return
        leg, sends = step(own, zombie.leg, batch, 1, self.bounds)
        self.written[own] = join(self.written.get(own, Leg()), leg)
        self._send(own, sends, lost=self.rng.choice((0, 0.5)))

    def _send(self, own: str, sends: Sends, lost: float = 0) -> None:
        for name, told in sends.told:
            if self.rng.random() >= lost:
                self._deliver(name, told_from_json(told_to_json(told)))
        record = sends.record(ACCOUNT, own)
        if record is not None and self.rng.random() >= lost:
            self.records.append(record)
            self.out.append(Record.from_json(record.to_json()))

    def _deliver(self, own: str, told: Told) -> None:
        self.messages += 1
        self.inbox[own] += [told] * (2 if self.rng.random() < self.duplicates else 1)


def calls_of(events: Iterable[CallEvent]) -> dict[tuple[date, str], Known]:
    """By day and call id, the events of each call: a plain union-find."""
    told = known(events)
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for event in told.values():
        smallest = min(root(name) for name in event.ids)
        for name in event.ids:
            parent[root(name)] = smallest
    calls: dict[str, Known] = defaultdict(dict)
    for event in told.values():
        calls[root(event.ids[0])][event.event_id] = event
    return {(days_of(part.values())[0], call_id): part for call_id, part in calls.items()}
