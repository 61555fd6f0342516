"""The indexes that only some servers may have, beside those of the migrations.

An index leaves out rows that can't match. Under FINAL the newest row of a call may be among them, and then an
older one is shown. What all rows of a call have in common, as its id, is safe; a number is not: a CDR may
correct it. Later servers read whatever else may be of the same calls (the exact mode).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.statements import EXACT_MODE

if TYPE_CHECKING:
    from collections.abc import Collection

    from clickhouse_driver import Client

BY_NUMBER = "by_number"
"""An index of `stored_calls`: it finds the calls of one number, as caller or as callee."""

THERE = """
SELECT count() FROM system.data_skipping_indices
WHERE database = currentDatabase() AND table = 'stored_calls' AND name = %(name)s
"""
MAKE = (
    f"ALTER TABLE stored_calls ADD INDEX IF NOT EXISTS {BY_NUMBER} (caller, callee) "
    "TYPE bloom_filter(0.001) GRANULARITY 1",
    # for the rows that are there already, in the background
    f"ALTER TABLE stored_calls MATERIALIZE INDEX {BY_NUMBER}",
)


def ensure(client: Client, unknown: Collection[str]) -> bool:
    """Make what this server may have and lacks; return whether anything was made.

    `unknown` are the settings of views that it does not know. May be repeated, as after its update.
    """
    if EXACT_MODE in unknown or client.execute(THERE, {"name": BY_NUMBER}) != [(0,)]:
        return False
    for statement in MAKE:
        client.execute(statement)
    return True
