from __future__ import annotations

from dataclasses import replace

from processors.normalize.outcome import UNKNOWN_SOURCE, decided_anew, outcome_of
from processors.normalize.step import Normalized, Rejected
from schemas.callbacks import Reason, Rejection, Replayed, Stage
from tests.kit.callbacks import posted

MISSING = Reason("uuid", "missing", "names no call")
KNOWN = Replayed(replayed_at=7, reasons=(), topic="callbacks.raw", partition=3, offset=9)
ACCEPTED = Normalized(())


class Shanghai:
    dialect = "common-api"
    timezone = "Asia/Shanghai"


def test_a_callback_is_read_as_its_source_is_configured_now() -> None:
    ring = posted({"status": "ring", "uuid": "a", "isbleg": "false"})
    assert isinstance(outcome_of(ring, Shanghai()), Normalized)
    assert outcome_of(ring, None) == Rejected((UNKNOWN_SOURCE,))


def test_a_decision_that_stands_is_not_told_again() -> None:
    assert decided_anew(ACCEPTED, KNOWN) is None
    assert decided_anew(Rejected((MISSING,)), replace(KNOWN, reasons=(MISSING,))) is None


def test_another_decision_is_told_with_its_time_and_where_the_callback_lies() -> None:
    refused = Rejection(Stage.NORMALIZE, (MISSING,), "callbacks.raw", 3, 9, decided_at=7)
    assert decided_anew(Rejected((MISSING,)), KNOWN) == refused
    was_rejected = replace(KNOWN, reasons=(MISSING,))
    assert decided_anew(ACCEPTED, was_rejected) == replace(refused, reasons=())
    other = replace(MISSING, code="malformed-id")
    assert decided_anew(Rejected((other,)), was_rejected) == replace(refused, reasons=(other,))
