"""Count the figures of the board from rows of ClickHouse. Pure; times are seconds since 1970 UTC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from zoneinfo import ZoneInfo

    from console.clocks import Clocks

STEP = 300
"""Calls are plotted by five minutes."""
HOUR = 3600
COUNTED = (
    "calls",
    "answered_in",
    "answered_out",
    "abandoned",
    "offered",
    "in_time",
    "ringing",
    "talking",
    "waiting",
)


@dataclass(frozen=True)
class Day:
    """Today by some clock, and the same day a week ago."""

    begin: int
    end: int
    begin_last_week: int
    end_last_week: int


def day_of(now: float, zone: ZoneInfo) -> Day:
    """From midnight to midnight: 23 or 25 hours when clocks change."""
    midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + timedelta(days=each) for each in (0, 1, -7, -6))
    return Day(*(int(each.timestamp()) for each in days))


@dataclass
class Figures:
    """The figures of some accounts together."""

    today: Counter[str] = field(default_factory=Counter)
    last_hour: Counter[str] = field(default_factory=Counter)
    waiting_since: int | None = None
    agents: set[str] = field(default_factory=set)
    by_step: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class Snapshot:
    """The rows of one reading."""

    read_at: float
    """Seconds since 1970."""
    clocks: Clocks
    rows: tuple[dict[str, Any], ...]
    last_week: tuple[dict[str, Any], ...]
    alerts: int
    """How many are open."""

    @property
    def accounts(self) -> frozenset[str]:
        return frozenset(row["account"] for row in self.rows)

    def of(self, accounts: Collection[str], day: Day) -> Figures:
        """Add up what these accounts have."""
        found = Figures()
        for row in self.rows:
            if row["account"] in accounts:
                _add(found, row, day)
        return found

    def plot(self, accounts: Collection[str], figures: Figures, day: Day) -> list[list[int | None]]:
        """Times, calls of the same day last week, and calls of today up to now."""
        before: Counter[int] = Counter()
        for row in self.last_week:
            if row["account"] in accounts:
                before[row["at"] - day.begin_last_week] += row["calls"]
        times = list(range(day.begin, day.end, STEP))
        now = self.read_at
        return [
            list(times),
            [before[at - day.begin] for at in times],
            [figures.by_step[at] if at <= now else None for at in times],
        ]


def _add(found: Figures, row: dict[str, Any], day: Day) -> None:
    counted = {name: row[name] for name in COUNTED}
    if row["at"] >= day.begin:
        found.by_step[row["at"]] += row["calls"]
        found.today.update(counted)
    else:  # of what began before today only what goes on counts
        found.today.update({name: row[name] for name in ("ringing", "talking", "waiting")})
    if row["is_last_hour"]:
        found.last_hour.update(counted)
    if row["waiting"]:
        found.waiting_since = min(row["waiting_since"], found.waiting_since or row["waiting_since"])
    found.agents |= {f"{row['account']}\0{each}" for each in row["agents"]}


def _target(seconds: Collection[float]) -> str:
    return f"{min(seconds):g} s" if len(seconds) == 1 else "the target of its account"


def percent(part: int, whole: int) -> float | None:
    """None of nothing."""
    return 100 * part / whole if whole else None


def document(snapshot: Snapshot, accounts: Iterable[str], now: float) -> dict[str, Any]:
    """As the page asks for it each second."""
    accounts = frozenset(accounts)
    clock = snapshot.clocks.shown(accounts)
    day = day_of(snapshot.read_at, clock.zone)
    figures = snapshot.of(accounts, day)
    today, hour, since = figures.today, figures.last_hour, figures.waiting_since
    return {
        "read_at": snapshot.read_at,
        "age": max(0.0, now - snapshot.read_at),
        "alerts": snapshot.alerts,
        "zone": clock.name,
        "target": _target(snapshot.clocks.targets(accounts)),
        "ringing": today["ringing"],
        "talking": today["talking"],
        "waiting": today["waiting"],
        "longest_wait": None if since is None else max(0, int(snapshot.read_at) - since),
        "agents": len(figures.agents),
        "calls": today["calls"],
        "answered": today["answered_in"] + today["answered_out"],
        "answered_in": today["answered_in"],
        "answered_out": today["answered_out"],
        "abandoned": today["abandoned"],
        "abandoned_percent": percent(today["abandoned"], today["abandoned"] + today["answered_in"]),
        "level_hour": percent(hour["in_time"], hour["offered"]),
        "level_today": percent(today["in_time"], today["offered"]),
        "offered_hour": hour["offered"],
        "offered_today": today["offered"],
        "plot": snapshot.plot(accounts, figures, day),
    }
