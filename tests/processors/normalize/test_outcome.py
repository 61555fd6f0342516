from __future__ import annotations

import zlib
from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.outcome import (
    GRACE,
    UNKNOWN_SOURCE,
    decided_anew,
    is_not_yet,
    outcome_of,
    read_again,
)
from processors.normalize.step import Normalized, Rejected
from schemas.callbacks import Reason, Rejection, Replayed, Stage, Told
from tests.kit.callbacks import posted

MISSING = Reason("uuid", "missing", "names no call")
KNOWN = Replayed(replayed_at=7, reading=70, reasons=(), topic="callbacks.raw", partition=3, offset=9)
ACCEPTED = Normalized(())


class Shanghai:
    dialect = "common-api"
    timezone = "Asia/Shanghai"
    charset: str | None = None
    revision = 2


@given(
    revision=st.sampled_from([None, 1, 2, 3]), came=st.integers(0, 3), late=st.integers(-2 * GRACE, 2 * GRACE)
)
def test_only_what_the_ingress_knew_and_we_do_not_is_waited_for_and_for_so_long(
    revision: int | None, came: int, late: int
) -> None:
    source = None
    if revision is not None:
        source = Shanghai()
        source.revision = revision
    callback = posted(revision=came)
    waits = is_not_yet(callback, source, callback.received_at + late)
    assert waits == ((source is None or source.revision < came) and -GRACE < late < GRACE)
    if source is not None:
        assert not is_not_yet(posted(revision=0), source, callback.received_at)  # before revisions were told


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


RING = posted({"status": "ring", "uuid": "a", "isbleg": "false"})


def test_an_event_that_is_read_again_has_the_readings_number_and_its_old_receipt() -> None:
    outcome = outcome_of(RING, Shanghai())
    assert isinstance(outcome, Normalized)
    (first,) = outcome.events
    known = replace(KNOWN, told=(Told(first.event_id, first.leg, first.ids),))
    assert read_again(outcome, RING, Shanghai(), known) == (
        replace(first, reading=70, named_before=first.ids),
    )


def test_an_event_that_names_other_legs_now_becomes_void_where_it_was() -> None:
    outcome = outcome_of(RING, Shanghai())
    assert isinstance(outcome, Normalized)
    (first,) = outcome.events
    known = replace(KNOWN, told=(Told(first.event_id, "0", ("0", "a")),))
    event, void = read_again(outcome, RING, Shanghai(), known)
    assert event == replace(first, reading=70, named_before=("0", "a"))
    assert (void.event_id, void.kind, void.ids, void.reading) == (first.event_id, "void", ("0", "a"), 69)


def test_what_is_not_read_any_more_becomes_void() -> None:
    known = replace(KNOWN, told=(Told("old", "b", ("a", "b")),))
    for outcome, source, events in (
        (outcome_of(RING, Shanghai()), Shanghai(), 2),
        (Rejected((MISSING,)), Shanghai(), 1),
        (Rejected((UNKNOWN_SOURCE,)), None, 1),
    ):
        told = read_again(outcome, RING, source, known)
        assert len(told) == events
        void = told[-1]
        assert (void.event_id, void.kind, void.leg, void.ids) == ("old", "void", "b", ("a", "b"))
        assert (void.reading, void.received_at, void.callback_id) == (69, RING.received_at, RING.id)
        assert (void.account, void.source) == (RING.account, RING.source)


def test_texts_are_read_in_the_sources_charset_and_bodies_as_their_header_says() -> None:
    told = {"status": "ring", "uuid": "a", "isbleg": "false", "caller": "x"}
    body = orjson.dumps(told).replace(b'"x"', '"\u4e2d\u6587"'.encode("gb18030"))
    packed = posted(zlib.compress(body), kept_headers=b'{"content-encoding":"deflate"}')
    source = Shanghai()
    source.charset = "gb18030"
    for callback in (posted(body), packed):
        outcome = outcome_of(callback, source)
        assert isinstance(outcome, Normalized)
        assert (outcome.events[0].caller, outcome.events[0].doubts) == ("\u4e2d\u6587", ())
