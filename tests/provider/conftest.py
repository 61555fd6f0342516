from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.provider.api.providers import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.provider.api.providers import RunningProvider


@pytest.fixture
def provider() -> Iterator[RunningProvider]:
    """A simulated provider of the test's own."""
    with running() as found:
        yield found
