"""Sessions of half the usual length, where the broker allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.stack import with_short_sessions
from tests.servers import GIVEN_KAFKA

if TYPE_CHECKING:
    from runtime.settings import Settings


@pytest.fixture
def chaos_settings(stack_settings: Settings) -> Settings:
    """Topics and tables of the test's own, on servers that live on."""
    return stack_settings if GIVEN_KAFKA else with_short_sessions(stack_settings)
