"""What a processor can't use at all is kept in `callbacks.rejected`, byte for byte, with the reason."""

from __future__ import annotations

import uuid
import zlib
from typing import TYPE_CHECKING

from processors.publisher import Outgoing
from schemas.callbacks import Callback, Reason, Rejection, Stage
from schemas.topics import Topic

if TYPE_CHECKING:
    from aiokafka.structs import ConsumerRecord

NAMESPACE = uuid.UUID("c4b8a9f0-5a0e-4f7b-9a6e-0d9b1f6f2a11")
"""Of the ids that messages get which have none: the same message gets the same id every time."""


def dead_letter(prefix: str, record: ConsumerRecord[bytes, bytes], stage: Stage, reason: Reason) -> Outgoing:
    """Make the message that keeps a record that is no message of its topic."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    callback = Callback(
        id=str(uuid.uuid5(NAMESPACE, place)),
        source="",
        account="",
        received_at=record.timestamp * 1000,
        method="POST",
        content_type="",
        peer="",
        payload=record.value or b"",
    )
    rejection = Rejection(stage, (reason,), record.topic, record.partition, record.offset)
    headers = [*callback.headers(), *rejection.headers()]
    return Outgoing(prefix + Topic.REJECTED, None, callback.payload, headers)


REFUSED_BYTES = 1024 * 1024
"""So much of a message that the broker refused is kept."""


def refused(prefix: str, message: Outgoing, stage: Stage, now: int) -> Outgoing:
    """Make the message that stands for one of ours that is larger than its topic takes.

    What it was made from is in the archive, byte for byte; of the message itself the beginning is kept.
    """
    value = message.value or b""
    place = f"{message.topic}/{(message.key or b'').hex()}/{zlib.crc32(value)}"
    callback = Callback(
        id=str(uuid.uuid5(NAMESPACE, place)),
        source="",
        account=(message.key or b"").decode(errors="replace").partition("/")[0],
        received_at=now,
        method="POST",
        content_type="",
        peer="",
        payload=value[:REFUSED_BYTES],
    )
    text = f"the broker refused a message of {len(value)} bytes: raise max.message.bytes of {message.topic}"
    rejection = Rejection(stage, (Reason("", "too-large", text),), message.topic)
    headers = [*callback.headers(), *rejection.headers()]
    return Outgoing(prefix + Topic.REJECTED, None, callback.payload, headers)
