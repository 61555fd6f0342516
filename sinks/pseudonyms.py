"""The key under which the masked views show phone numbers.

The views read it as their definer. It stands in a joined column there, never in a scalar subquery: that one's
value becomes a constant of the query plan, which EXPLAIN shows to everybody who may read the view.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_driver import Client

HALF_BITS = 64


def ensure_key(client: Client) -> bool:
    """Create the key if none exists; return whether it was. If two are created at once, the older wins."""
    if client.execute("SELECT count() FROM pseudonym_keys") != [(0,)]:
        return False
    client.execute(
        "INSERT INTO pseudonym_keys (created_at, key0, key1) "
        "SELECT now64(6, 'UTC'), %(key0)s, %(key1)s WHERE (SELECT count() FROM pseudonym_keys) = 0",
        {"key0": secrets.randbits(HALF_BITS), "key1": secrets.randbits(HALF_BITS)},
    )
    return True
