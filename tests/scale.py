"""How much the heavy tests do: `CALLWEAVE_TEST_SCALE` is `normal` (make test) or `long` (make test-long)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("CALLWEAVE_TEST_SCALE", "normal") == "long"


def scaled(normal: int, long: int) -> int:
    """The number for this run."""
    return long if LONG else normal


def examples(normal: int, long: int) -> settings:
    """How many examples a property is tried on; a timing is never a test, so none has a deadline."""
    return settings(
        max_examples=scaled(normal, long),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
