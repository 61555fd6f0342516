"""A spool, one message at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.groups import Message, UnacknowledgedError

if TYPE_CHECKING:
    from ingest.spool import Spool
    from schemas.callbacks import Headers


def append(spool: Spool, topic: str, value: bytes, headers: Headers) -> None:
    """Return once the message is on the disk; raise `UnacknowledgedError` if it is full or fails."""
    message = Message(topic, value, headers)
    spool.publish([message])
    if message.error is not None:
        raise UnacknowledgedError(message.error)
