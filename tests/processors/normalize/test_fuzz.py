"""Whatever a sender's bytes are: a row, or the reasons why there is none, or no call; never an exception."""

from __future__ import annotations

import time
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.normalize.step import Normalized, normalize
from schemas.calls import is_call
from schemas.events import CallEvent
from schemas.topics import Topic
from sinks.rows import Poison, read
from tests.kit.callbacks import posted
from tests.kit.messages import StoredMessage
from tests.kit.mutations import mutated
from tests.scale import SCALE, examples
from tests.sinks.folded import record_of

ZONES = tuple(map(ZoneInfo, ("UTC", "Asia/Shanghai", "America/Sao_Paulo")))
LONG_SECONDS = 300
"""How long `make test-long` goes on."""


def assert_has_an_end(seed: int) -> None:
    """A callback that a mutated sample makes has come to something."""
    rng = Random(seed)
    request, query, dialect = mutated(rng)
    callback = posted(
        request.payload,
        method=request.method,
        content_type=request.content_type,
        query=query,
        kept_headers=rng.choice(
            (b"", b"", b"", b'{"content-encoding":"gzip"}', b'{"content-encoding":"deflate"}')
        ),
    )
    outcome = normalize(callback, dialect, rng.choice(ZONES), rng.choice(("", "gb18030", "cp1251")))
    if not isinstance(outcome, Normalized):
        assert outcome.reasons
        return
    assert outcome.events
    for event in outcome.events:
        assert CallEvent.from_json(event.to_json()) == event
        assert not isinstance(
            read(Topic.EVENTS, StoredMessage("calls.events", value=event.to_json())), Poison
        )
        assert bool(event.ids) == (event.kind != "message")
    told = [event for event in outcome.events if event.ids]
    if told:
        record = record_of([event for event in told if set(event.ids) & set(told[0].ids)])
        assert is_call(told)
        assert not isinstance(
            read(Topic.RECORDS, StoredMessage("calls.records", value=record.to_json())), Poison
        )


@given(seed=st.integers(0, 2**63))
@examples(600, 5000)
def test_every_callback_has_an_end(seed: int) -> None:
    assert_has_an_end(seed)


@pytest.mark.timeout(2 * LONG_SECONDS)
def test_every_callback_has_an_end_for_minutes() -> None:
    """As many as there is time for; a seed that fails is shown by the assertion's arguments."""
    until = time.monotonic() + (LONG_SECONDS if SCALE == "long" else 2)
    rng = Random()
    while time.monotonic() < until:
        assert_has_an_end(rng.getrandbits(63))
