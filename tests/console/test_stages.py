"""What Health reads of the stages."""

from __future__ import annotations

import pytest

from console.stages import AUDIT, LAGS, NEWEST, SPOOL
from tests.kit.metrics import LABELS


@pytest.mark.parametrize("name", [AUDIT, NEWEST, SPOOL, *sorted(LAGS)])
def test_the_stages_export_what_health_shows(name: str) -> None:
    assert name in LABELS
