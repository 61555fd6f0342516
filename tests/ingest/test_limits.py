"""A source's bucket: what comes within its rate passes, what comes beyond waits."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ingest.limits import Buckets
from runtime.sources import Source
from tests.scale import examples


def source(rate: float | None, burst: int | None = None, name: str = "s") -> Source:
    return Source(
        name=name,
        account="a",
        dialect="common-api",
        timezone="UTC",
        added_at=datetime.now(UTC),
        requests_per_second=rate,
        burst=burst,
    )


@given(st.floats(0.1, 100), st.integers(1, 50), st.lists(st.floats(0, 5, allow_subnormal=False), max_size=60))
@examples(200, 5000)
def test_never_more_than_burst_and_rate_allow_and_the_wait_is_true(
    rate: float, burst: int, pauses: list[float]
) -> None:
    buckets, limited = Buckets(), source(rate, burst)
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        wait = buckets.wait(limited, now)
        passed += wait == 0
        assert passed <= burst + rate * now + 1e-6
        if wait:
            now += wait + 1e-6
            assert buckets.wait(limited, now) == 0, "whoever waits as long as told passes"
            passed += 1


def test_without_a_limit_all_pass_and_sources_do_not_share_one() -> None:
    buckets = Buckets()
    assert not any(buckets.wait(source(None), 0.0) for _ in range(1000))
    assert [buckets.wait(source(2.0), 0.0) > 0 for _ in range(4)] == [False, False, True, True]
    assert buckets.wait(source(2.0, name="other"), 0.0) == 0


def test_a_limit_that_is_changed_holds_at_once() -> None:
    buckets = Buckets()
    assert buckets.wait(source(1.0, 1), 0.0) == 0
    assert buckets.wait(source(1.0, 1), 0.0) > 0
    assert buckets.wait(source(None), 0.0) == 0
