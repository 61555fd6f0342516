"""Stages as processes that are measured: what they have done, by their own metrics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.bench import machine
from tests.pipeline import Started, Worker
from tests.servers import eventually

if TYPE_CHECKING:
    from runtime.settings import Settings
    from tests.pipeline import StageName

Labels = dict[str, str]


class Stage(Worker, Started):
    """A worker of one stage."""

    started_at = 0.0
    """By the monotonic clock."""

    @property
    def pid(self) -> int:
        """Of its first process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it can work."""
        self.started_at = time.monotonic()
        super().start()
        eventually(self.ready, f"{self.stage} is ready")

    def values(self, name: str) -> list[tuple[Labels, float]]:
        """The values of one metric, each with its labels."""
        # the others are not read: that would take more of the machine than some of the stages
        lines = "".join(line for line in self.metrics().splitlines(keepends=True) if line.startswith(name))
        return [
            (sample.labels, sample.value)
            for family in text_string_to_metric_families(lines)
            for sample in family.samples
            if sample.name == name
        ]

    def total(self, name: str) -> float:
        """The sum of a metric over its labels."""
        return sum(value for _, value in self.values(name))

    def processor_seconds(self) -> float:
        """What it has used of the processor."""
        return machine.processor_seconds(self.pid)


def stage(name: StageName, settings: Settings) -> Stage:
    """A stage that is not started; it logs beside its data."""
    return Stage(name, settings, Path(settings.data) / f"{name}.log")
