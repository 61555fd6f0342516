"""Defects of our own: counted, and logged without what may be a provider's data."""

from __future__ import annotations

import traceback

import structlog

from ingest import metrics

log = structlog.get_logger(__name__)


def defect(error: Exception) -> None:
    """Count and log an unexpected error; its message may hold a provider's data, so it is not said."""
    metrics.FAILED.inc()
    where = traceback.format_tb(error.__traceback__)[-3:]
    log.error("a defect", error=type(error).__name__, where=where)
