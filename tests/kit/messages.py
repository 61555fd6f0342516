"""Messages as Kafka would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.callbacks import Headers


class StoredMessage(NamedTuple):
    """A message with its place."""

    topic: str
    partition: int = 0
    offset: int = 0
    value: bytes | None = b""
    headers: Headers = []  # noqa: RUF012 - never changed
    key: bytes | None = None
    timestamp: int = 1_612_836_000_000
