"""Servers of a test's own, and sessions of half the usual length where the broker allows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.stack import Servers, with_short_sessions
from tests.servers import GIVEN_KAFKA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings


@pytest.fixture
def chaos_settings(stack_settings: Settings) -> Settings:
    """Topics and tables of the test's own, on servers that live on."""
    return stack_settings if GIVEN_KAFKA else with_short_sessions(stack_settings)


@pytest.fixture
def chaos_servers(tmp_path: Path) -> Iterator[Servers]:
    """Servers that may be killed."""
    with Servers(tmp_path) as started:
        yield started
