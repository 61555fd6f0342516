"""The metrics that the stages export."""

from __future__ import annotations

import importlib

from prometheus_client import REGISTRY

for module in (
    "ingest.metrics",
    "operations.watch.metrics",
    "processors.correlate.app",
    "processors.normalize.app",
    "sinks.metrics",
):
    importlib.import_module(module)  # which registers what the stage exports
LABELS = {
    name: set(getattr(collector, "_labelnames", ()))
    for name, collector in REGISTRY._names_to_collectors.items()  # noqa: SLF001 - it has no public list
}
"""By name, the labels."""
