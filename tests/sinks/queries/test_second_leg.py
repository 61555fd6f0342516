"""Calls of which the second leg is told and the first is not, or not all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rows import select
from tests.sinks.queries.telling import LEG_A, LEG_B, SECOND, START, event, tell

if TYPE_CHECKING:
    from runtime.settings import Settings
    from schemas.events import CallEvent

WINDOW = "since = '2020-08-28 00:00:00', until = '2020-08-29 00:00:00'"
BOTH = {"ids": (LEG_A, LEG_B), "uuid": LEG_A, "direction": "outbound"}
PREDICTIVE = {"method": "predictive", "campaign": "spring"}


def agents(*told: tuple[int, str], **said: Any) -> list[CallEvent]:
    """What happened to an agent's leg, so many seconds after the call's start."""
    return [
        event(kind, LEG_B, START + second * SECOND, side="b", started_at=START, **(BOTH | said))
        for second, kind in told
    ]


def bill(**said: Any) -> CallEvent:
    """The called party answered after 10 s and stayed for 11."""
    return event(
        "cdr",
        LEG_A,
        START + 30 * SECOND,
        started_at=START,
        answered_at=START + 10 * SECOND,
        ended_at=START + 21 * SECOND,
        outcome="answered",
        **(BOTH | said),
    )


def abandoned(settings: Settings) -> dict[str, Any]:
    (row,) = select(settings, f"SELECT * FROM abandoned_rate({WINDOW}, campaign = 'spring', seconds = 2)")
    return {name: row[name] for name in ("answered", "connected", "never_connected", "unclear", "abandoned")}


def test_a_call_is_abandoned_if_an_agent_was_rung_in_vain(store_settings: Settings) -> None:
    rung = agents((11, "ring"), (21, "hangup"), extension="8001", **PREDICTIVE)
    tell(store_settings, [*rung, bill(**PREDICTIVE)])
    assert abandoned(store_settings) == {
        "answered": 1,
        "connected": 0,
        "never_connected": 1,
        "unclear": 0,
        "abandoned": 1,
    }


def test_it_is_unclear_if_only_the_cdr_names_an_agent(store_settings: Settings) -> None:
    tell(store_settings, [bill(extension="8001", **PREDICTIVE)])
    assert abandoned(store_settings) == {
        "answered": 1,
        "connected": 0,
        "never_connected": 0,
        "unclear": 1,
        "abandoned": 0,
    }


def rung(settings: Settings) -> list[tuple[int, float | None]]:
    rows = select(settings, f"SELECT rung, pdd_seconds FROM pdd({WINDOW})")
    return [(row["rung"], row["pdd_seconds"]) for row in rows]


def test_the_ring_of_a_predictive_calls_agent_is_no_post_dial_delay(store_settings: Settings) -> None:
    tell(store_settings, [*agents((11, "ring"), (12, "answer"), (21, "hangup"), **PREDICTIVE), bill()])
    assert rung(store_settings) == [(0, None)]


def test_nor_is_the_dial_that_comes_when_the_origin_has_picked_up(store_settings: Settings) -> None:
    asked = event("requested", LEG_A, START, **(BOTH | {"uuid": None}))
    tell(store_settings, [asked, *agents((9, "dial"), (15, "answer"), dialect="extension-events")])
    assert rung(store_settings) == [(0, None)]


def test_the_ring_of_the_called_party_is_one(store_settings: Settings) -> None:
    tell(store_settings, agents((3, "ring"), method="manual"))
    assert rung(store_settings) == [(1, 3.0)]
