"""Which files are begun first: the longest, so that no worker is left with one at the end."""

from __future__ import annotations

LONGEST = (
    "tests/chaos/test_nothing_lost.py",
    "tests/chaos/test_correlator.py",
    "tests/processors/correlate/test_step.py",
    "tests/e2e/test_corrections.py",
    "tests/ingest/test_outage.py",
    "tests/compose/test_run.py",
    "tests/e2e/test_replay.py",
    "tests/console/test_browser.py",
    "tests/operations/audit/test_examine.py",
    "tests/operations/timeline/test_commands.py",
    "tests/ingest/test_brokers.py",
    "tests/processors/correlate/test_app.py",
    "tests/e2e/test_samples.py",
    "tests/operations/replay/test_rebuild_again.py",
    "tests/e2e/test_secure_kafka.py",
    "tests/compose/kafka/test_node.py",
    "tests/console/test_pages.py",
)
"""By their processor time, from 20 s on; the others follow as they are found."""


def place(file: str) -> int:
    """Where a file stands; equal ones stay in their order."""
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)
