"""What does not fit together, against numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.times import moment
from schemas.uuids import canonical, created_at
from tests.rows import select
from tests.scale import scaled
from tests.sinks.queries.telling import HOUR, LEG_A, LEG_B, MINUTE, SECOND, START, event, tell

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from runtime.settings import Settings
    from schemas.events import CallEvent

BOTH = {"ids": (LEG_A, LEG_B), "uuid": LEG_A, "started_at": START}


def status_events(*kinds: str, **said: Any) -> list[CallEvent]:
    """Ring after 1 s, answer after 13 s, hangup after 106 s: the sample's call, and when its events came."""
    seconds = {"ring": 1, "answer": 13, "hangup": 106}
    (leg, *_) = said.get("ids", (LEG_A,))
    return [event(kind, leg, START + seconds[kind] * SECOND, **(BOTH | said)) for kind in kinds]


def through(*kinds: str, **said: Any) -> list[CallEvent]:
    """The same of the B leg."""
    told = status_events(*kinds, **said)
    return [replace(each, leg=LEG_B, side="b") for each in told]


def bill(at: int = START + 110 * SECOND, **said: Any) -> CallEvent:
    """The sample's CDR: rang for 12 s, was answered then and talked for 93 s."""
    fields = {
        "started_at": START,
        "answered_at": START + 12 * SECOND,
        "ended_at": START + 105 * SECOND,
        "ring_time": 12 * SECOND,
        "talk_time": 93 * SECOND,
        "outcome": "answered",
    }
    (leg,) = said.get("ids", (LEG_B,))
    return event("cdr", leg, at, **(fields | said))


def reconciled(settings: Settings) -> dict[str, Any]:
    (row,) = select(settings, "SELECT * FROM reconciliation")
    return row


def test_a_call_whose_parts_fit_has_no_gap(store_settings: Settings) -> None:
    tell(store_settings, [*status_events("ring", "answer", "hangup"), bill()])
    row = reconciled(store_settings)
    assert row["gaps"] == []
    assert (row["account"], row["call_id"], row["source"]) == ("acme", LEG_A, "shop")
    assert row["start_difference_seconds"] == 0
    assert row["answer_difference_seconds"] == -1  # 12 s after the start, against 13
    assert row["end_difference_seconds"] == -1  # 105 against 106
    assert row["talk_drift_seconds"] == 0  # 93 s, and 106 - 13
    assert row["ring_drift_seconds"] == -1  # 12 s, and 13 from the start
    assert row["cdr_drift_seconds"] == 0  # 93 s, and 105 - 12
    assert row["cdr_uuid_difference_seconds"] == pytest.approx(-0.045926)  # the start has whole seconds
    assert row["event_uuid_difference_seconds"] == pytest.approx(-0.045926)
    assert row["zone_hours"] is None
    assert row["uuid_at"].isoformat() == "2020-08-28T07:15:59.045926+00:00"


@pytest.mark.parametrize(
    "written",
    [LEG_A.upper(), f"{{{LEG_A}}}", f"urn:uuid:{LEG_A}", f"{{{LEG_A.upper()}}}"],
)
def test_the_time_in_a_uuid_is_read_however_it_is_written(store_settings: Settings, written: str) -> None:
    tell(store_settings, [bill(ids=(LEG_A,), written={LEG_A: written})])
    (row,) = select(store_settings, "SELECT legs FROM calls")
    assert row["legs"] == [written]
    assert reconciled(store_settings)["uuid_at"].isoformat() == "2020-08-28T07:15:59.045926+00:00"


GAPS: dict[str, tuple[list[CallEvent], list[str]]] = {
    "no bill": (status_events("ring", "answer", "hangup"), ["no_cdr"]),
    "still open: what it lacks may come": (status_events("ring", "answer"), []),
    "a bill alone": ([bill()], ["no_events"]),
    "no hangup": ([*status_events("ring", "answer"), bill()], ["no_hangup"]),
    "93 s billed, of which the events know none": (
        [*status_events("ring", "hangup"), bill()],
        ["no_answer", "duration_drifts"],
    ),
    "a dialect that sends no bill": (status_events("ring", "hangup", dialect="extension-events"), []),
    "started 6 s later": (
        [*status_events("ring", "answer", "hangup"), bill(started_at=START + 6 * SECOND)],
        ["start_differs", "uuid_differs"],
    ),
    "answered after 20 s against 13, and 93 s against 105 - 20": (
        [*status_events("ring", "answer", "hangup"), bill(answered_at=START + 20 * SECOND)],
        ["answer_differs", "duration_drifts"],
    ),
    "ended after 112 s against 106, and 93 s against 112 - 12": (
        [*status_events("ring", "answer", "hangup"), bill(ended_at=START + 112 * SECOND)],
        ["end_differs", "duration_drifts"],
    ),
    "talked for 99 s against 93": (
        [*status_events("ring", "answer", "hangup"), bill(talk_time=99 * SECOND)],
        ["duration_drifts"],
    ),
    "talked for 98 s against 93": (
        [*status_events("ring", "answer", "hangup"), bill(talk_time=98 * SECOND)],
        [],
    ),
    "rang for 2 s against 12": (
        [*status_events("ring", "answer", "hangup"), bill(ring_time=2 * SECOND)],
        ["duration_drifts"],
    ),
    "the agent is called first, and the bill counts from the start": (
        [
            *status_events("ring", side="a"),
            *(
                replace(each, occurred_at=each.occurred_at - SECOND)
                for each in through("ring", "answer", "hangup")
            ),
            bill(),
        ],
        [],
    ),
    "predictive: the called party answered 7 s before the agent did, and the bill counts from there": (
        [
            *through("ring", "answer", "hangup", method="predictive"),
            bill(answered_at=START + 6 * SECOND, ring_time=6 * SECOND, talk_time=99 * SECOND),
        ],
        [],
    ),
    "no UUID": (
        [event("cdr", "not-a-uuid", START, started_at=START), event("ring", "not-a-uuid", START)],
        [],
    ),
}


def test_each_gap_is_seen(store_settings: Settings) -> None:
    tell(
        store_settings, *([replace(each, account=name) for each in said] for name, (said, _) in GAPS.items())
    )
    rows = {row["account"]: row for row in select(store_settings, "SELECT * FROM reconciliation")}
    assert {name: row["gaps"] for name, row in rows.items()} == {
        name: gaps for name, (_, gaps) in GAPS.items()
    }
    for row in rows.values():
        assert [name for name, value in row.items() if value is True] == row["gaps"]


def test_a_call_closed_in_silence_lacks_what_never_came(store_settings: Settings, client: Client) -> None:
    told = status_events("ring", "answer")
    last = max(each.received_at for each in told)
    tell(store_settings, [*told, event("closed", LEG_A, last, extra={"reason": "timeout"})])
    assert reconciled(store_settings)["gaps"] == ["no_cdr", "no_hangup"]


ZONES = {
    8 * HOUR: 8,
    -5 * HOUR - 30 * MINUTE: -5.5,
    -HOUR + 20 * SECOND: -1,
    HOUR + 2 * MINUTE: None,
    27 * HOUR: None,
}


def test_a_mistaken_zone_shows_as_whole_or_half_hours(store_settings: Settings) -> None:
    zoned = ("started_at", "answered_at", "ended_at")
    shifted = (
        replace(bill(**{name: getattr(bill(), name) + shift for name in zoned}), account=str(shift))
        for shift in ZONES
    )
    tell(store_settings, *([each] for each in shifted))
    rows = {int(row["account"]): row for row in select(store_settings, "SELECT * FROM reconciliation")}
    assert {shift: row["zone_hours"] for shift, row in rows.items()} == ZONES
    for shift, row in rows.items():
        assert row["gaps"] == ["no_events", "uuid_differs" if ZONES[shift] is None else "wrong_zone"]
        assert row["cdr_uuid_difference_seconds"] == pytest.approx(shift / SECOND - 0.045926)


def test_of_several_legs_the_uuid_nearest_to_the_start_counts(store_settings: Settings) -> None:
    later = LEG_B.replace("526d643a", "926d643a")  # 107 s
    tell(store_settings, [event("cdr", LEG_A, START, ids=(LEG_A, later), started_at=START + 107 * SECOND)])
    row = reconciled(store_settings)
    assert row["gaps"] == ["no_events"]
    assert row["uuid_at"].isoformat() == "2020-08-28T07:17:46.420127+00:00"


def test_the_time_in_a_uuid_is_the_one_that_normalize_reads(store_settings: Settings, client: Client) -> None:
    legs: dict[str, str] = {}
    digits = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)
    shapes = st.tuples(
        digits, st.sampled_from("1111147"), st.sampled_from("89abAB0f"), st.sampled_from(" \n-x")
    )

    @settings(
        max_examples=scaled(1_000, 10_000),
        phases=[Phase.explicit, Phase.generate],
        database=None,
        deadline=None,
    )
    @given(shape=shapes)
    def collect(shape: tuple[str, str, str, str]) -> None:
        text, version, variant, more = shape
        leg = f"{text[:8]}-{text[8:12]}-{version}{text[13:16]}-{variant}{text[17:20]}-{text[20:]}"
        leg += more if len(legs) % 10 == 0 else ""
        legs[f"{len(legs):06}"] = leg

    collect()
    # the view looks for the leg nearest to the start: any start will do
    columns = "account, day, call_id, version, legs, started_at, event_started_at"
    client.execute(
        f"INSERT INTO stored_calls ({columns}) VALUES",
        [("acme", moment(START).date(), call_id, 1, [leg], START, START) for call_id, leg in legs.items()],
    )
    found = dict(client.execute("SELECT call_id, toUnixTimestamp64Micro(uuid_at) FROM reconciliation"))
    assert found == {call_id: created_at(canonical(leg)) for call_id, leg in legs.items()}
    assert sum(made_at is not None for made_at in found.values()) > len(legs) / 5


def test_the_zone_of_an_hour_is_that_of_most_of_its_calls(store_settings: Settings) -> None:
    """Whatever else these calls lack: of those 8 hours off each lacks something else."""

    def off(hours: int, number: int, *kinds: str) -> list[CallEvent]:
        leg = uuid_of(START - hours * HOUR, number)
        said: dict[str, Any] = {"ids": (leg,), "uuid": leg}
        return [bill(**said) if kind == "cdr" else status_events(kind, **said)[0] for kind in kinds]

    eight = [off(8, 1, "ring"), off(8, 2, "ring", "cdr"), off(8, 3, "cdr")]
    one = [off(-1, number, "ring") for number in (4, 5)]
    asked = "SELECT wrong_zone, zone_hours FROM reconciliation_by_hour"
    tell(store_settings, *eight, *one)
    assert select(store_settings, asked) == [{"wrong_zone": 5, "zone_hours": 8}]
    tell(store_settings, off(-1, 6, "cdr"))
    assert select(store_settings, asked) == [{"wrong_zone": 6, "zone_hours": -1}]  # of equals the smaller


def uuid_of(at: int, number: int) -> str:
    """A UUID made at a time, in microseconds since 1970."""
    ticks = at * 10 + 0x01B21DD213814000
    time_hi_version = (ticks >> 48) & 0x0FFF | 0x1000
    return str(UUID(fields=(ticks & 0xFFFFFFFF, (ticks >> 32) & 0xFFFF, time_hi_version, 0x80, 0, number)))


def test_by_hour_and_source(store_settings: Settings) -> None:
    def ids(number: int) -> dict[str, Any]:
        leg = f"{0x526D637C + number:08x}{LEG_A[8:]}"
        return {"ids": (leg,), "uuid": leg}

    def complete(number: int, **said: Any) -> list[CallEvent]:
        return [*status_events("ring", "answer", "hangup", **ids(number)), bill(**ids(number), **said)]

    tell(
        store_settings,
        complete(1),
        complete(2, talk_time=103 * SECOND),  # 10 s more than its events
        complete(3, talk_time=103 * SECOND, started_at=START + 8 * HOUR),  # 15:15:59: in an hour of its own
        status_events("ring", "answer", "hangup", **ids(4)),
        [bill(**ids(5))],
        [bill(**ids(6), started_at=START + HOUR, source="other")],
        [event("ring", "no-uuid", START)],  # nobody says when it began
    )
    rows = select(store_settings, "SELECT * FROM reconciliation_by_hour ORDER BY source, hour")
    told = [(row["source"], row["hour"].hour, row["calls"], row["gaps"]) for row in rows]
    assert told == [("other", 8, 1, 1), ("shop", 7, 5, 3), ("shop", 15, 1, 1)]
    other, shop, evening = rows
    assert (other["no_events"], other["wrong_zone"], other["zone_hours"]) == (1, 1, 1)
    counts = (
        "no_cdr",
        "no_events",
        "no_answer",
        "no_hangup",
        "times_differ",
        "wrong_zone",
        "duration_drifts",
    )
    assert [shop[name] for name in counts] == [1, 1, 0, 0, 0, 0, 1]
    assert [shop[f"{name}_percent"] for name in counts] == [20, 20, 0, 0, 0, 0, 20]
    assert shop["gaps_percent"] == 60
    assert shop["talk_drift_seconds"] == 5  # 0 and 10: the others have no two durations
    assert shop["zone_hours"] is None
    assert [evening[name] for name in counts] == [0, 0, 0, 0, 1, 1, 1]
    assert evening["zone_hours"] == 8
