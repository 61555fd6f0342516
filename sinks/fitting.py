"""Which values clickhouse-driver can send to a column: it writes them into memory, and nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.columns.service import write_column

from runtime.clickhouse import REFUSED_BY_DRIVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clickhouse_driver import Client

BUFFER_BYTES = 64 * 1024


class _Nowhere:
    """In place of a socket."""

    def sendall(self, _: bytes) -> None:
        return


def unfit(client: Client, kind: str, values: Sequence[object]) -> set[int]:
    """Return the positions of the values that can't be sent to a column of this type."""
    if _fit(client, kind, values):
        return set()
    return {number for number, value in enumerate(values) if not _fit(client, kind, [value])}


def _fit(client: Client, kind: str, values: Sequence[object]) -> bool:
    writer = BufferedSocketWriter(_Nowhere(), BUFFER_BYTES)
    try:
        write_column(client.connection.context, "", kind, list(values), writer)  # which it changes
    except REFUSED_BY_DRIVER:
        return False
    return True
