"""Which files are begun first: the longest, so that no worker is left with one at the end."""

from __future__ import annotations

LONGEST = (
    "tests/chaos/test_nothing_lost.py",
    "tests/chaos/test_correlator.py",
    "tests/operations/audit/test_examine.py",
    "tests/e2e/test_corrections.py",
    "tests/sinks/test_writer.py",
    "tests/ingest/test_outage.py",
    "tests/e2e/test_replay.py",
    "tests/sinks/queries/test_masked.py",
    "tests/sinks/test_old_clickhouse.py",
    "tests/console/test_browser.py",
    "tests/operations/timeline/test_commands.py",
    "tests/compose/test_run.py",
    "tests/processors/correlate/test_step.py",
    "tests/processors/correlate/test_bounds.py",
    "tests/console/test_pages.py",
    "tests/chaos/test_crews.py",
    "tests/operations/replay/test_rebuild_again.py",
    "tests/processors/correlate/test_app.py",
    "tests/processors/test_worker.py",
    "tests/sinks/queries/test_old_reconciliation.py",
    "tests/compose/kafka/test_node.py",
)
"""By the time that they take, from 40 s on; the others follow as they are found."""


def place(file: str) -> int:
    """Where a file stands; equal ones stay in their order."""
    return LONGEST.index(file) if file in LONGEST else len(LONGEST)
