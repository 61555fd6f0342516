"""The consumer on a real broker: what kafka-python does not do by itself."""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sinks import consumer
from sinks.consumer import TOPICS, Consumer
from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka.coordinator.consumer import ConsumerCoordinator

    from runtime.settings import Settings

# kafka-python leaves a socket open when it is closed in the middle of joining
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

STARTS = 15
SHORT_SECONDS = 0.005
"""Shorter than joining takes, so that `poll` always gives up in the middle."""


@pytest.fixture
def opened(stack_settings: Settings) -> Iterator[list[Consumer]]:
    """Consumers to close at the end."""
    opened: list[Consumer] = []
    yield opened
    for each in opened:
        each.close()
    opened.clear()
    gc.collect()  # while the warning is passed over


def has_all(reader: Consumer, partitions: int) -> bool:
    list(reader.poll(SHORT_SECONDS))
    return len(reader.partitions()) == partitions


def test_a_poll_that_gives_up_while_joining_costs_no_partitions(
    stack_settings: Settings, opened: list[Consumer]
) -> None:
    partitions = len(TOPICS) * stack_settings.kafka.partitions
    for _ in range(STARTS):
        reader = Consumer(stack_settings.kafka)
        opened.append(reader)
        eventually(partial(has_all, reader, partitions), "it has all partitions")
        reader.close()


def test_kafka_python_still_needs_our_help_with_that(
    stack_settings: Settings, opened: list[Consumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave_as_it_is(coordinator: ConsumerCoordinator) -> None:
        del coordinator

    monkeypatch.setattr(consumer, "_want_until_joined", leave_as_it_is)
    partitions = len(TOPICS) * stack_settings.kafka.partitions

    def is_stuck() -> bool:
        reader = Consumer(stack_settings.kafka)
        opened.append(reader)
        try:
            eventually(lambda: has_all(reader, partitions), "it has all partitions", patience=5)
        except AssertionError:
            return True
        finally:
            reader.close()
        return False

    assert any(is_stuck() for _ in range(90))
