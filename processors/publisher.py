"""Publishes what a step decided, batch by batch, and returns when the broker has acknowledged all of it.

What the broker refuses for good is a dead letter, alone: its neighbours go through.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from runtime.backoff import delays
from schemas.topics import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from processors.departures import App
    from schemas.callbacks import Headers

log = structlog.get_logger()

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What a broker says of a batch again and again: one of its messages is larger than the topic takes."""


@dataclass(slots=True)
class Outgoing:
    """One message to be published."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    partition: int | None = None
    """Where it must go; by its key otherwise."""
    renew: Callable[[], bytes | None] | None = None
    """Gives the value to send when the first attempt failed. Later messages may have overtaken this one by
    then, and where the last one wins, as in a compacted topic, an old value must not come after a newer."""
    then: Sequence[Outgoing] = ()
    """Sent once this one is acknowledged."""

    @property
    def size(self) -> int:
        """Bytes of its key, its value and its headers."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


class Publisher:
    """Sends through the Faust app's own producer."""

    def __init__(self, app: App, dead_letter: Callable[[Outgoing], Outgoing]) -> None:
        """Use the app's producer, once it has started; `dead_letter` makes what replaces a message."""
        self._app = app
        self._dead_letter = dead_letter

    async def publish(self, messages: Iterable[Outgoing]) -> None:
        """Send all; what fails is sent again, with a growing pause, until it is acknowledged."""
        messages = list(messages)
        waiting = await self._by_partition(messages)
        pauses = delays()
        while waiting:
            waiting = await self._attempt(waiting)
            if waiting:
                await asyncio.sleep(next(pauses))
                waiting = {place: list(map(_renewed, failed)) for place, failed in waiting.items()}
        if then := [following for message in messages for following in message.then]:
            await self.publish(then)

    async def _by_partition(self, messages: Iterable[Outgoing]) -> dict[tuple[str, int], list[Outgoing]]:
        counts: dict[str, int] = {}
        chosen: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        for message in messages:
            partition = message.partition
            if partition is None:
                count = counts.get(message.topic)
                if count is None:
                    count = counts[message.topic] = await self.partitions(message.topic)
                partition = partition_of(message.key, count)
            chosen[message.topic, partition].append(message)
        return chosen

    async def partitions(self, topic: str) -> int:
        """Give the topic's number of partitions, as the broker has it."""
        partitions: set[int] = await self._app.record_producer.partitions_for(topic)
        return len(partitions)

    async def _attempt(
        self, waiting: dict[tuple[str, int], list[Outgoing]]
    ) -> dict[tuple[str, int], list[Outgoing]]:
        """Send everything once, side by side; give back what was not acknowledged.

        A bare KafkaError is what aiokafka gives once its sending task has failed, for ever after: raised, it
        ends the process, and a new one has a new producer.
        """
        sent = await asyncio.gather(
            *(self._send(topic, partition, messages) for (topic, partition), messages in waiting.items()),
            return_exceptions=True,
        )
        failed: dict[tuple[str, int], list[Outgoing]] = {}
        errors: set[str] = set()
        for (place, messages), outcome in zip(waiting.items(), sent, strict=True):
            if isinstance(outcome, TOO_LARGE):
                left, error = await self._one_by_one(*place, messages)
                if error is not None:
                    errors.add(type(error).__name__)
                    failed[place] = left
            elif isinstance(outcome, KafkaError) and type(outcome) is not KafkaError:
                errors.add(type(outcome).__name__)
                failed[place] = messages
            elif isinstance(outcome, BaseException):
                raise outcome
        if errors:
            log.warning("the broker did not acknowledge; trying again", errors=sorted(errors))
        self._app.progress.tried(sorted(errors))
        return failed

    async def _one_by_one(
        self, topic: str, partition: int, messages: list[Outgoing]
    ) -> tuple[list[Outgoing], KafkaError | None]:
        """Send what was refused together; give back what was not acknowledged, in its order, and why."""
        for number, message in enumerate(messages):
            try:
                await self._send(topic, partition, [message])
            except TOO_LARGE as error:
                log.error("the broker takes no such message; it is a dead letter", topic=topic)
                await self._bury(message, error)
            except KafkaError as error:
                if type(error) is KafkaError:
                    raise
                return messages[number:], error
        return [], None

    async def _bury(self, message: Outgoing, error: KafkaError) -> None:
        """Publish the message's dead letter; one of a dead letter that is no smaller ends the process."""
        letter = self._dead_letter(message)
        if letter.topic == message.topic and letter.size >= message.size:
            raise error
        await self.publish([letter])

    async def _send(self, topic: str, partition: int, messages: list[Outgoing]) -> None:
        client = self._app.record_producer
        acknowledgements = []
        builder = client.create_batch()
        for message in messages:
            fields = {"key": message.key, "value": message.value, "headers": message.headers}
            if builder.append(timestamp=None, **fields) is None:
                acknowledgements.append(await client.send_batch(builder, topic, partition=partition))
                builder = client.create_batch()
                builder.append(timestamp=None, **fields)
        acknowledgements.append(await client.send_batch(builder, topic, partition=partition))
        await asyncio.gather(*acknowledgements)


def _renewed(message: Outgoing) -> Outgoing:
    return message if message.renew is None else replace(message, value=message.renew())
