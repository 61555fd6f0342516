from __future__ import annotations

import random
from collections import defaultdict
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from schemas import records
from schemas.calls import call_of, legs_of
from tests.processors.correlate.traffic import call_events
from tests.scale import examples
from tests.schemas.events import SAMPLES
from tests.schemas.old.calls import Call as OldCall
from tests.schemas.old.calls import call_of as old_call_of
from dataclasses import fields


def check(events):
    record = reduce(records.join, map(records.record_of, events))
    old = old_call_of(record)
    new = call_of(events)
    for f in fields(OldCall):
        assert getattr(old, f.name) == getattr(new, f.name), f.name
    legs = {leg.leg_id: leg for leg in legs_of(events)}
    assert set(legs) == set(record["ids"])
    for name, leg in record.get("legs", {}).items():
        n = legs[name]
        got = {"side": n.side, "rang_at": n.rang_at, "answered_at": n.answered_at, "ended_at": n.ended_at, "extension": n.extension, "outcome": n.outcome}
        want = {k: leg.get(k) for k in got}
        for k in ("extension", "outcome"):
            want[k] = want[k][2] if want[k] else None
        assert got == want


@examples(normal=5_000, long=100_000)
@given(seed=st.integers(0, 2**63))
def test_old(seed: int) -> None:
    rng = random.Random(seed)
    events = call_events(rng)
    seen = {e.received_at for e in events if e.kind == "cdr"}
    if len(seen) < sum(e.kind == "cdr" for e in events):
        return
    check(events)


def test_samples() -> None:
    for events in SAMPLES.values():
        check(events)
