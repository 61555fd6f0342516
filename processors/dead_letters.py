"""What a processor can't use at all is kept in `callbacks.rejected`, with the reason.

Of a large message only the beginning is kept: a topic's limit counts compressed bytes, so what one topic took
another may refuse. All of it is in the archive, or in `dead_letters`.
"""

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


KEPT_BYTES = 1024 * 1024
"""A dead letter has no more than this of its message: a third of what `callbacks.rejected` takes."""


def dead_letter(prefix: str, record: ConsumerRecord[bytes, bytes], stage: Stage, reason: Reason) -> Outgoing:
    """Make the message that keeps a record that is no message of its topic."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    value = record.value or b""
    reasons = (reason,) if len(value) <= KEPT_BYTES else (reason, _cut(len(value)))
    callback = Callback(
        id=str(uuid.uuid5(NAMESPACE, place)),
        source="",
        account="",
        received_at=record.timestamp * 1000,
        method="POST",
        content_type="",
        peer="",
        payload=value[:KEPT_BYTES],
    )
    rejection = Rejection(stage, reasons, record.topic, record.partition, record.offset)
    headers = [*callback.headers(), *rejection.headers()]
    return Outgoing(prefix + Topic.REJECTED, None, callback.payload, headers)


def _cut(size: int) -> Reason:
    return Reason("", "cut", f"the first {KEPT_BYTES} of {size} bytes are kept here")


def refused(prefix: str, message: Outgoing, stage: Stage, now: int) -> Outgoing:
    """Make the message that stands for one of ours that is larger than its topic takes.

    What it was made from is in the archive, byte for byte; of the message itself the beginning is kept, and
    nothing of a dead letter but where its message is.
    """
    value, is_letter = message.value or b"", message.topic == prefix + Topic.REJECTED
    place = f"{(message.key or b'').hex()}/{zlib.crc32(value)}"
    text = f"the broker refused a message of {message.size} bytes: raise max.message.bytes of {message.topic}"
    if is_letter and (letter := Rejection.from_headers(message.headers)):
        place = f"{letter.topic}/{letter.partition}/{letter.offset}"
        text += f"; it is the dead letter of {place}"
    callback = Callback(
        id=str(uuid.uuid5(NAMESPACE, f"{message.topic}/{place}")),
        source="",
        account="" if is_letter else (message.key or b"").decode(errors="replace").partition("/")[0],
        received_at=now,
        method="POST",
        content_type="",
        peer="",
        payload=b"" if is_letter else value[:KEPT_BYTES],
    )
    rejection = Rejection(stage, (Reason("", "too-large", text),), message.topic)
    headers = [*callback.headers(), *rejection.headers()]
    return Outgoing(prefix + Topic.REJECTED, None, callback.payload, headers)
