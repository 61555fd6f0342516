"""`agents` against the same told plainly: spells of each extension, joined, cut at hours, added up."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from schemas.times import microseconds, moment
from tests.rows import select
from tests.scale import scaled
from tests.sinks.queries.telling import HOUR, MINUTE, event, tell

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

LEGS = scaled(3_000, 30_000)
START = microseconds(datetime(2025, 6, 15, 9, tzinfo=UTC))
LONGEST_IDLE = 30 * MINUTE

Spell = tuple[int, int]


@dataclass(frozen=True)
class Leg:
    """A leg, and when its call ends; times are None where nobody tells them."""

    account: str
    leg_id: str
    extension: str | None
    rang_at: int | None
    answered_at: int | None
    ended_at: int | None
    call_ended_at: int | None

    @property
    def spells(self) -> tuple[Spell, Spell] | None:
        """When it is busy, and when of that it is answered."""
        began = self.answered_at if self.rang_at is None else self.rang_at
        ended = self.call_ended_at if self.ended_at is None else self.ended_at
        if self.extension is None or began is None or ended is None:
            return None
        talk = ended if self.answered_at is None else min(self.answered_at, ended)
        return (min(began, talk), ended), (talk, ended)

    @property
    def busy_until(self) -> int | None:
        """As the row of the leg says."""
        return None if self.spells is None else self.spells[0][1]


def generated(chance: random.Random) -> list[Leg]:
    """Legs of few extensions on a coarse clock: they meet and overlap, and some end with the hour."""
    quiet = {f"80{number:02}": chance.choice((1, 10, 200)) for number in range(12)}

    def leg(number: int) -> Leg:
        extension = chance.choice(list(quiet))
        rang = START + quiet[extension] * chance.randrange(8 * 60) * MINUTE // 2
        answered = rang + chance.randrange(-2, 6) * MINUTE // 4
        ended = answered + chance.choice((-1, 0, 1, 2, 3, 5, 8, 40, 150)) * MINUTE
        return Leg(
            account=chance.choice(("acme", "shop")),
            leg_id=f"1{number:031x}",
            extension=chance.choice((extension,) * 20 + (None,)),
            rang_at=chance.choice((rang,) * 5 + (None,)),
            answered_at=chance.choice((answered,) * 3 + (None,)),
            ended_at=chance.choice((ended,) * 4 + (None,)),
            call_ended_at=chance.choice((None, ended + MINUTE, rang - MINUTE)),
        )

    return [leg(number) for number in range(LEGS)]


def is_bill(leg: Leg) -> bool:
    """Some legs are told of by their call's CDR alone, which can say all of it but the ring."""
    return leg.rang_at is None and None not in (leg.extension, leg.answered_at, leg.ended_at)


def union(spells: list[Spell]) -> list[Spell]:
    """The same time in spells that don't touch, in order."""
    joined: list[Spell] = []
    for begin, end in sorted(spells):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def by_hour(spells: list[Spell]) -> dict[int, int]:
    """How much of each hour they take."""
    taken: dict[int, int] = defaultdict(int)
    for begin, end in spells:
        for hour in range(begin // HOUR, end // HOUR + 1):
            taken[hour] += max(0, min(end, (hour + 1) * HOUR) - max(begin, hour * HOUR))
    return taken


def expected(legs: list[Leg]) -> dict[tuple[str, str, int], tuple[float, float, float]]:
    """Talk, ring and idle seconds by account, extension and hour."""
    spells = defaultdict(list)
    for leg in legs:
        if leg.spells is not None:
            spells[leg.account, str(leg.extension)].append(leg.spells)
    rows = {}
    for key, told in spells.items():
        busy = union([each for each, _ in told])
        gaps = [(end, begin) for (_, end), (begin, _) in pairwise(busy)]
        busy_by_hour = by_hour(busy)
        talk_by_hour = by_hour(union([talk for _, talk in told]))
        idle_by_hour = by_hour([(begin, end) for begin, end in gaps if end - begin <= LONGEST_IDLE])
        for hour in busy_by_hour.keys() | idle_by_hour.keys():
            busy_time, talk, idle = (each[hour] for each in (busy_by_hour, talk_by_hour, idle_by_hour))
            if busy_time + idle:
                rows[*key, hour] = (talk / 1e6, (busy_time - talk) / 1e6, idle / 1e6)
    return rows


def write(client: Client, legs: list[Leg], chance: random.Random) -> None:
    """In two inserts: of some legs the end comes in a later version of the row."""
    legs = [leg for leg in legs if not is_bill(leg)]
    early = [replace(leg, ended_at=None) for leg in legs if chance.random() < 0.5]
    for version, some in enumerate((early, legs), 1):
        rows = [
            (
                leg.account,
                moment(START).date(),
                call_of(leg),
                leg.leg_id,
                version,
                leg.extension,
                *(
                    None if time is None else moment(time)
                    for time in (leg.rang_at, leg.answered_at, leg.ended_at, leg.busy_until)
                ),
            )
            for leg in some
        ]
        columns = (
            "account, day, call_id, leg_id, version, extension, rang_at, answered_at, ended_at, busy_until"
        )
        client.execute(f"INSERT INTO stored_legs ({columns}) VALUES", rows)
    client.execute(
        "INSERT INTO call_days (account, began_on, day) "
        "SELECT DISTINCT account, toDate(rang_at), day FROM stored_legs WHERE isNotNull(rang_at)"
    )


def call_of(leg: Leg) -> str:
    """The call's name, which is before its legs'."""
    return f"0{leg.leg_id}"


def billed(leg: Leg) -> CallEvent:
    """The CDR that tells of it."""
    said = {"account": leg.account, "extension": leg.extension, "answered_at": leg.answered_at}
    return event("cdr", leg.leg_id, START + 24 * HOUR, ended_at=leg.ended_at, **said)


@pytest.mark.parametrize("seed", range(scaled(2, 10)))
def test_agents_equals_the_plain_telling(store_settings: Settings, client: Client, seed: int) -> None:
    chance = random.Random(seed)
    legs = generated(chance)
    write(client, legs, chance)
    tell(store_settings, *([billed(leg)] for leg in legs if is_bill(leg)))
    found = {
        (row["account"], row["extension"], microseconds(row["hour"].replace(tzinfo=UTC)) // HOUR): (
            row["talk_seconds"],
            row["ring_seconds"],
            row["idle_seconds"],
        )
        for row in select(store_settings, "SELECT * FROM agents")
    }
    told = expected(legs)
    assert found.keys() == told.keys()
    assert found == {key: pytest.approx(row, abs=1e-6) for key, row in told.items()}
    assert len(told) > 100
    spells = select(store_settings, "SELECT account, extension, ended_at FROM agent_spells")
    listed = sorted(
        (row["account"], row["extension"], microseconds(row["ended_at"].replace(tzinfo=UTC)))
        for row in spells
    )
    assert listed == sorted((leg.account, str(leg.extension), leg.busy_until) for leg in legs if leg.spells)
    since, until = moment(START + HOUR), moment(START + 3 * HOUR)
    some = select(
        store_settings,
        f"SELECT * FROM agents_between(since = '{since:%F %T}', until = '{until:%F %T}') ORDER BY ALL",
    )
    wanted = f"SELECT * FROM agents WHERE hour >= '{since:%F %T}' AND hour < '{until:%F %T}' ORDER BY ALL"
    assert some == select(store_settings, wanted) != []


def test_agents_between_has_calls_that_were_heard_of_days_later(store_settings: Settings) -> None:
    began = START - START % HOUR
    late = {"received_at": began + 9 * 24 * HOUR, "started_at": began, "extension": "200"}
    times = {"ring": began, "hangup": began + HOUR // 4}
    tell(store_settings, [event(kind, "leg", at, **late) for kind, at in times.items()])
    since, until = moment(began), moment(began + HOUR)
    rows = select(
        store_settings,
        f"SELECT ring_seconds FROM agents_between(since = '{since:%F %T}', until = '{until:%F %T}')",
    )
    assert rows == select(store_settings, "SELECT ring_seconds FROM agents") == [{"ring_seconds": 900}]


def test_agents_between_reads_the_days_of_its_calls_alone(store_settings: Settings) -> None:
    for number in range(9):
        began = START + number * 24 * HOUR
        tell(store_settings, [event("ring", f"leg-{number}", began, extension="200")])
    fifth = moment(START + 4 * 24 * HOUR)
    query = f"EXPLAIN indexes = 1 SELECT * FROM agents_between(since = '{fifth:%F}', until = '{fifth:%F}')"
    explained = "\n".join(row["explain"] for row in select(store_settings, query))
    assert "Parts: 5/9" in explained  # two days more on either side
