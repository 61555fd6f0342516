"""The consumer on a real broker: what kafka-python does not do by itself."""

from __future__ import annotations

import gc
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sinks import consumer
from sinks.consumer import TOPICS, Consumer, want_until_joined
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


def has_all(reader: Consumer, partitions: int, seconds: float = SHORT_SECONDS) -> bool:
    list(reader.poll(seconds))
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


def test_who_leads_a_group_and_has_assigned_anew_still_wants_to_join(
    stack_settings: Settings, opened: list[Consumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[ConsumerCoordinator] = []
    monkeypatch.setattr(consumer, "want_until_joined", met.append)
    reader = Consumer(stack_settings.kafka)
    opened.append(reader)
    partitions = len(TOPICS) * stack_settings.kafka.partitions
    eventually(partial(has_all, reader, partitions, seconds=1.0), "it leads its group")
    (coordinator,) = met
    assert forgets(coordinator), "kafka-python needs our help no longer"
    want_until_joined(coordinator)
    assert not forgets(coordinator)


def forgets(coordinator: ConsumerCoordinator) -> bool:
    """Whether it has no wish to join any more once it has assigned: `poll` may run out of time just then."""
    state = vars(coordinator)
    state["_metadata_snapshot"] |= {f"topic-{len(state['_metadata_snapshot'])}": {0}}
    state["_assignment_snapshot"] = {}
    assert coordinator.need_rejoin(), "what it assigned is no longer all there is"
    state["_assignment_snapshot"] = state["_metadata_snapshot"]
    return not coordinator.need_rejoin()
