"""How much the heavy tests do, by `CALLWEAVE_TEST_SCALE`.

`fast` is `make test-fast`, `normal` is `make test`, `long` is `make test-long`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SCALE = os.environ.get("CALLWEAVE_TEST_SCALE", "normal")
FAST_SHARE = 5
"""A fast run does a fifth of what is normal."""


def scaled(normal: int, long: int) -> int:
    """The number for this run."""
    return {"fast": -(-normal // FAST_SHARE), "normal": normal, "long": long}[SCALE]


def examples(normal: int, long: int) -> settings:
    """How many examples a property is tried on; a timing is never a test, so none has a deadline."""
    return settings(
        max_examples=scaled(normal, long),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
