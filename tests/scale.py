"""How much the heavy tests do, by `CALLWEAVE_TEST_SCALE`.

`fast` is `make test-fast`, `normal` is `make test`, `long` is `make test-long`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SCALE = os.environ.get("CALLWEAVE_TEST_SCALE", "normal")
FAST_SHARE = 10
"""A fast run does a tenth of what is normal."""


def scaled(normal: int, long: int) -> int:
    """The number for this run."""
    return {"fast": -(-normal // FAST_SHARE), "normal": normal, "long": long}[SCALE]


settings.register_profile(
    "without-timings",
    parent=settings(),  # in CI each run tries the same examples
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# a timing is never a test: Hypothesis fails an example that takes 200 ms on a busy machine
settings.load_profile("without-timings")


def examples(normal: int, long: int) -> settings:
    """How many examples a property is tried on."""
    return settings(max_examples=scaled(normal, long))
