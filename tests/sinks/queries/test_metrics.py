"""Every metric equals the number worked out by hand from the day of `day.py`; the sums stand beside."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[[str], list[dict[str, Any]]]

WINDOW = "since = '2024-03-04 00:00:00', until = '2024-03-05 00:00:00'"
DAY = date(2024, 3, 4)


def hour(number: int) -> datetime:
    return datetime(2024, 3, 4, number, tzinfo=UTC)


def by(rows: list[dict[str, Any]], *keys: str) -> dict[Any, dict[str, Any]]:
    """By these columns, the account left out."""
    assert {row.pop("account") for row in rows} == {"acme"}
    return {
        values if len(keys) > 1 else values[0]: row
        for row in rows
        for values in [tuple(row.pop(key) for key in keys)]
    }


def near(expected: dict[str, Any]) -> dict[str, Any]:
    """Floats by their first nine digits."""
    return {
        name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
        for name, value in expected.items()
    }


def test_calls_by_hour(ask: Ask) -> None:
    rows = by(ask("SELECT * FROM calls_by_hour"), "hour", "direction")
    assert {key: row["calls"] for key, row in rows.items()} == {
        (hour(9), "outbound"): 5,
        (hour(9), "inbound"): 6,
        (hour(10), "inbound"): 1,
        (hour(11), "outbound"): 3,
        (hour(12), "outbound"): 5,
    }
    assert rows[hour(9), "outbound"] == near(
        {
            "calls": 5,
            "answered": 4,
            "unanswered": 1,
            "busy": 0,
            "cancelled": 0,
            "congestion": 0,
            "unavailable": 0,
            "without_outcome": 0,
            "requests": 0,
            "answered_percent": 80.0,
            "talk_seconds": 61.0 + 33 + 10 + 30,
            "average_talk_seconds": 134 / 4,
            "average_ring_seconds": (10 + 10 + 10 + 5 + 20) / 5,
        }
    )


def test_an_hours_calls_by_how_they_ended(ask: Ask) -> None:
    rows = by(ask("SELECT * FROM calls_by_hour"), "hour", "direction")
    # of r1, r2 and the request r3, two have an outcome
    assert rows[hour(11), "outbound"]["answered_percent"] == 50.0
    assert rows[hour(11), "outbound"]["requests"] == 1
    assert rows[hour(12), "outbound"] == near(
        {
            "calls": 5,
            "answered": 0,
            "unanswered": 0,
            "busy": 1,
            "cancelled": 1,
            "congestion": 1,
            "unavailable": 1,
            "without_outcome": 1,
            "requests": 0,
            "answered_percent": 0.0,
            "talk_seconds": 0.0,
            "average_talk_seconds": None,
            "average_ring_seconds": (1 + 2 + 3) / 3,
        }
    )


def test_calls_by_extension(ask: Ask) -> None:
    rows = by(ask("SELECT * FROM calls_by_extension"), "day", "extension")
    assert {key[1]: row["calls"] for key, row in rows.items()} == {
        "8001": 5,  # p1, p4, i1, i6, i7
        "8002": 3,  # p2, i2, i3
        "8003": 2,  # r1, r2
        "8004": 2,  # i4, i5
        "8005": 5,
    }
    first = rows[DAY, "8001"]
    assert (first["inbound"], first["outbound"], first["answered"]) == (3, 2, 5)
    assert first["talk_seconds"] == 61 + 30 + 60 + 600 + 300
    assert first["average_ring_seconds"] == (10 + 5 + 10 + 60 + 60) / 5


def test_calls_by_campaign(ask: Ask) -> None:
    rows = by(ask("SELECT * FROM calls_by_campaign"), "day", "campaign")
    assert rows.keys() == {(DAY, "spring")}
    spring = rows[DAY, "spring"]
    assert (spring["calls"], spring["answered"], spring["unanswered"]) == (5, 4, 1)
    assert (spring["numbers"], spring["numbers_answered"]) == (5, 4)
    assert spring["talk_seconds"] == 134


def test_hangup_causes(ask: Ask) -> None:
    rows = by(
        ask("SELECT * FROM hangup_causes WHERE dialect = 'common-api'"),
        "hangup_cause",
        "hangup_direction",
        "outcome",
    )
    assert {key: row["calls"] for key, row in rows.items()} == {
        (10000, 10040, "answered"): 4,
        (10000, 10041, "answered"): 1,
        (10020, 10040, "unanswered"): 1,
        (None, None, "unanswered"): 1,  # r2
        (None, None, ""): 1,  # r3
    }
    assert rows[10000, 10040, "answered"]["percent"] == 100 * 4 / 20
    assert rows[10000, 10040, "answered"]["average_talk_seconds"] == 134 / 4


def test_asr_of_e_411(ask: Ask) -> None:
    # outbound: p1 to p5, r1, r2, o1 to o4 took a line and ended; p1 to p4 and r1 were answered; o5 is open
    assert by(ask(f"SELECT * FROM asr({WINDOW})"), "direction") == {
        "outbound": near(
            {"source": "shop", "seizures": 11, "answered": 5, "without_outcome": 1, "asr_percent": 500 / 11}
        ),
        "inbound": near(
            {"source": "shop", "seizures": 7, "answered": 5, "without_outcome": 0, "asr_percent": 500 / 7}
        ),
    }


def test_abr_counts_the_request_of_which_no_call_came(ask: Ask) -> None:
    rows = by(ask(f"SELECT * FROM abr({WINDOW})"), "direction")
    assert rows["outbound"] == near(
        {
            "source": "shop",
            "bids": 12,
            "seizures": 11,
            "requests": 1,
            "answered": 5,
            "abr_percent": 500 / 12,
        }
    )


def test_ner_of_e_425_leaves_out_what_users_do(ask: Ask) -> None:
    # 11 seizures less o4, given up before a ring; of the 10, o1 and o3 did not reach the terminal
    rows = by(ask(f"SELECT * FROM ner({WINDOW})"), "direction")
    assert rows["outbound"] == near(
        {
            "source": "shop",
            "seizures": 10,
            "delivered": 8,
            "congestion": 1,
            "unavailable": 1,
            "given_up": 1,
            "ner_percent": 80.0,
        }
    )
    assert rows["inbound"]["ner_percent"] == 100.0


def test_acd_of_e_437(ask: Ask) -> None:
    rows = by(ask(f"SELECT * FROM acd({WINDOW})"), "direction")
    # outbound: 61 + 33 + 10 + 30 + 46 = 180 by 5; in order 10 30 33 46 61
    assert rows["outbound"] == near(
        {
            "source": "shop",
            "answered": 5,
            "talk_seconds": 180.0,
            "acd_seconds": 36.0,
            "median_seconds": 33.0,
        }
    )
    # inbound: 60 + 30 + 10 + 600 + 300 = 1000 by 5
    assert rows["inbound"]["acd_seconds"] == 200
    assert rows["inbound"]["median_seconds"] == 60


def test_pdd_is_from_the_dial_to_the_first_ring(ask: Ask) -> None:
    # p1 3 s, p2 5 s after their start, r1 2 s, r2 4 s after their request; of all others no ring tells
    rows = by(ask(f"SELECT * FROM pdd({WINDOW})"), "direction")
    assert rows["outbound"] == near(
        {
            "source": "shop",
            "rung": 4,
            "pdd_seconds": 14 / 4,
            "median_seconds": 3.5,
            "p95_seconds": 4 + 0.85 * (5 - 4),  # at 0.95 * 3 = 2.85 of 2 3 4 5
            "longest_seconds": 5.0,
        }
    )
    assert rows["inbound"]["rung"] == 0
    assert rows["inbound"]["pdd_seconds"] is None


def test_service_level_in_its_three_definitions(ask: Ask) -> None:
    # waits: 10 20 30 60 60 answered, 5 40 given up; within 20 s: two answered, one given up
    (row,) = ask(f"SELECT * FROM service_level({WINDOW}, threshold = 20)")
    assert row == near(
        {
            "account": "acme",
            "line": "4000",
            "offered": 7,
            "answered_in_time": 2,
            "answered_late": 3,
            "given_up_in_time": 1,
            "given_up_late": 1,
            "unknown_wait": 0,
            "of_offered_percent": 200 / 7,
            "without_short_percent": 200 / 6,
            "short_as_served_percent": 300 / 7,
        }
    )
    (row,) = ask(f"SELECT * FROM service_level({WINDOW}, threshold = 60)")
    assert (row["of_offered_percent"], row["without_short_percent"]) == (pytest.approx(500 / 7), 100)
    assert row["short_as_served_percent"] == 100


@pytest.mark.parametrize(
    ("seconds", "connected", "late", "abandoned_percent"),
    [(2, 1, 1, 50.0), (3, 2, 0, 25.0), (0.5, 0, 2, 75.0)],
)
def test_abandoned_rate(
    ask: Ask, seconds: float, connected: int, late: int, abandoned_percent: float
) -> None:
    # p1 waited 1 s for an agent, p2 3 s, p3 in vain; of p4 nobody says when its agent answered
    (row,) = ask(f"SELECT * FROM abandoned_rate({WINDOW}, campaign = 'spring', seconds = {seconds})")
    assert row == near(
        {
            "account": "acme",
            "campaign": "spring",
            "calls": 5,
            "answered": 4,
            "connected": connected,
            "connected_late": late,
            "never_connected": 1,
            "unclear": 1,
            "abandoned": late + 1,
            "abandoned_percent": abandoned_percent,
            "highest_percent": abandoned_percent + 25,
            "headroom_percent": 3 - abandoned_percent,
            "headroom_calls": -(late + 1),  # 3 % of 4 calls is none
        }
    )


def test_a_window_takes_its_first_moment_and_not_its_last(ask: Ask) -> None:
    seen = ask("SELECT * FROM asr(since = '2024-03-04 10:02:00', until = '2024-03-04 11:00:00')")
    assert [(row["direction"], row["seizures"]) for row in seen] == [("inbound", 1)]
    assert ask("SELECT * FROM asr(since = '2024-03-04 10:02:00.000001', until = '2024-03-04 11:00:00')") == []


def test_agents(ask: Ask) -> None:
    """Times of each extension; idle is every gap of at most 1,800 s.

    8001, hour 9: talk p1 60 + p4 30 + i1 60 + i6 09:56 to 10:00 240 = 390;
      ring p1 0.5 + i1 10 + i6 60 = 70.5;
      gaps 09:01:11 to 09:20:05 1134, 09:20:35 to 09:30:00 565, 09:31:10 to 09:55:00 1430 = 3129
    8001, hour 10: i6 and i7 together talk 10:00 to 10:08 = 480, during which i7 rang
    8002, hour 9: talk p2 30 + i2 30 + i3 10 = 70; ring 1 + 20 + 30 = 51;
      gaps 09:05:43 to 09:31:00 1517, 09:31:50 to 09:32:00 10 = 1527
    8003, hour 11: r1 rings 2, talks 11:00:04 to 11:00:54 = 50, since its leg ends with the call;
      r2 rings 20; gap 11:00:54 to 11:10:04 = 550
    8004, hour 9: rings 5 + 40; gap 09:33:05 to 09:34:00 = 55
    8005, hour 12: rings 1 + 2 + 3; gaps 59 + 58; o4 never rang, o5 has no end
    """
    rows = by(ask("SELECT * FROM agents"), "extension", "hour")
    expected = {
        ("8001", hour(9)): (390.0, 70.5, 3129.0),
        ("8001", hour(10)): (480.0, 0.0, 0.0),
        ("8002", hour(9)): (70.0, 51.0, 1527.0),
        ("8003", hour(11)): (50.0, 22.0, 550.0),
        ("8004", hour(9)): (0.0, 45.0, 55.0),
        ("8005", hour(12)): (0.0, 6.0, 117.0),
    }
    assert rows == {
        key: near(
            {
                "talk_seconds": talk,
                "ring_seconds": ring,
                "idle_seconds": idle,
                "occupancy_percent": 100 * (talk + ring) / (talk + ring + idle),
            }
        )
        for key, (talk, ring, idle) in expected.items()
    }
