"""Publish a callback of our own to `callbacks.raw`, beside those of providers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from runtime.producer import producing
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.settings import KafkaSettings
    from schemas.callbacks import Callback

    Publish = Callable[[Callback], None]
    """Returns once all replicas have acknowledged it; raises `UnpublishedError` otherwise."""

ACKNOWLEDGE_SECONDS = 10.0


@contextmanager
def publishing(settings: KafkaSettings) -> Iterator[Publish]:
    """Yield what publishes to a Kafka that answers; raise `StartError` otherwise."""
    with producing(settings, Topic.RAW, ACKNOWLEDGE_SECONDS) as producer:
        yield lambda callback: producer.send([(callback.payload, callback.headers())])
