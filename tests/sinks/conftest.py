from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.pipeline import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings


@pytest.fixture
def sink(stack_settings: Settings, tmp_path: Path) -> Iterator[Worker]:
    """Not started yet."""
    worker = Worker("sink", stack_settings, tmp_path / "sink.log")
    yield worker
    worker.kill()
