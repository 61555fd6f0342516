"""Ask the tables about legs: for their events, for their calls, and whether their ids are suspect."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from runtime.portions import portions
from sinks.walk import Held, Naming

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sinks.batch import Leg
    from sinks.store import Store
    from sinks.unread import Look

FEW = 1_000
"""If there are no more suspect ids than this, all are read at once: to ask about each leg takes longer."""
FIRST_SUSPECTS = """
SELECT account, id, toUnixTimestamp64Micro(min(since))
FROM stored_suspects
GROUP BY account, id
LIMIT %(most)s
"""
SUSPECT = """
SELECT account, id, toUnixTimestamp64Micro(min(since))
FROM stored_suspects
WHERE id IN %(ids)s
GROUP BY account, id
"""
NAMING = """
SELECT account, id, day, event_id, beside, toUnixTimestamp64Micro(received_at)
FROM event_ids
WHERE id IN %(ids)s AND received_at < fromUnixTimestamp64Micro(%(before)s, 'UTC')
"""
MOST_READ = 10_000_000
"""No more rows than this are read to find what names suspect ids alone; the others are left out."""
MOST_ALONE = 10_000
"""At most this many events are taken that name one suspect id and no other id."""

# Nearly all that names a suspect id names others too, and nearly no event has more than four ids.
NAMING_SUSPECTS_ALONE = (
    """
$naming
AND (
    empty(beside)
    OR (account, beside[1]) IN (SELECT account, id FROM stored_suspects)
    AND (account, beside[intDiv(length(beside) + 1, 2)]) IN (SELECT account, id FROM stored_suspects)
    AND (account, beside[-1]) IN (SELECT account, id FROM stored_suspects)
)
LIMIT $alone BY account, id
SETTINGS max_rows_to_read = $read, read_overflow_mode = 'break'
""".replace("$naming", NAMING.strip())
    .replace("$alone", str(MOST_ALONE))
    .replace("$read", str(MOST_READ))
)
CALLS_WITH = """
SELECT DISTINCT account, call_id, leg_id
FROM stored_legs
WHERE (account, day, call_id) IN (SELECT account, day, call_id FROM call_ids WHERE id IN %(ids)s)
"""
# a suspect id is a leg of very many calls: by their names, granules of the table are passed over
CALLS_NAMED = CALLS_WITH.replace("id IN %(ids)s", "id IN %(ids)s AND call_id IN %(ids)s AND call_id = id")
LISTED = """
SELECT DISTINCT account, call_id, event
FROM stored_calls
ARRAY JOIN events AS event
WHERE call_id IN %(ids)s
"""
MERGED = """
SELECT DISTINCT account, call_id, part_of
FROM stored_calls
WHERE call_id IN %(ids)s AND part_of != ''
"""


class LookUp:
    """Asks the tables for a walk from id to id: see `sinks.walk.Tables`. Its methods raise `StoreError`.

    Of events only those count that were received before a time and had been read by correlators.
    """

    def __init__(self, store: Store, before: int, look: Look) -> None:
        """`before` is in microseconds since 1970 UTC; `look` tells what correlators had not read."""
        self._store = store
        self._before = before
        self._look = look
        self._few_suspects: dict[Leg, int] | None = None

    def suspects(self, legs: Collection[Leg]) -> dict[Leg, int]:
        """Return those whose ids tie too many calls, and since when."""
        if not legs:
            return {}
        if self._few_suspects is None:
            rows = self._store.ask(FIRST_SUSPECTS, {"most": FEW + 1})
            self._few_suspects = {(account, leg): since for account, leg, since in rows}
        known = self._few_suspects
        if len(known) > FEW:
            known = {(account, leg): since for account, leg, since in self._ask(SUSPECT, legs)}
        return {leg: known[leg] for leg in legs if leg in known}

    def naming(self, legs: Collection[Leg]) -> list[Naming]:
        """Return what named these legs, none of them suspect, in any reading."""
        return self._namings(NAMING, legs)

    def naming_suspects_alone(self, legs: Collection[Leg]) -> list[Naming]:
        """Return what named these suspect ids, and beside them none but suspect ones."""
        namings = self._namings(NAMING_SUSPECTS_ALONE, legs)
        suspects = self.suspects({leg for naming in namings for leg in naming.others})
        return [naming for naming in namings if suspects.keys() >= {*naming.others}]

    def calls_with(self, legs: Collection[Leg]) -> list[Held]:
        """Return the calls that ever had rows of these legs, none of them suspect."""
        return [call for call in self._calls(CALLS_WITH, legs) if not call.legs.isdisjoint(legs)]

    def listed(self, roots: Collection[Leg], events: Collection[str]) -> set[tuple[Leg, str]]:
        """Return which of these events rows of the calls of these names listed, by name and event id."""
        rows = (((account, call_id), event) for account, call_id, event in self._ask(LISTED, roots))
        return {(root, event) for root, event in rows if root in roots and event in events}

    def merged(self, legs: Collection[Leg]) -> list[tuple[Leg, Leg]]:
        """Return each of these legs whose own call became part of another, with the leg that named that."""
        rows = [((account, leg), (account, root)) for account, leg, root in self._ask(MERGED, legs)]
        return [(leg, root) for leg, root in rows if leg in legs]

    def calls_named(self, roots: Collection[Leg]) -> list[Held]:
        """Return the calls that are named by these legs."""
        return [call for call in self._calls(CALLS_NAMED, roots) if call.root in roots]

    def _namings(self, query: str, legs: Collection[Leg]) -> list[Naming]:
        return [
            Naming(account, leg, day, event_id, tuple(beside))
            for account, leg, day, event_id, beside, received_at in self._ask(query, legs)
            if (account, leg) in legs and not self._look.has_unread(account, (leg, *beside), received_at)
        ]

    def _calls(self, query: str, legs: Collection[Leg]) -> list[Held]:
        named: dict[Leg, set[Leg]] = defaultdict(set)
        for account, call_id, leg in self._ask(query, legs):
            named[account, call_id].add((account, leg))
        return [Held(root, frozenset(all_legs)) for root, all_legs in named.items()]

    def _ask(self, query: str, legs: Collection[Leg]) -> Iterator[tuple[Any, ...]]:
        for ids in portions(sorted({leg for _, leg in legs})):
            yield from self._store.ask(query, {"ids": ids, "before": self._before})
