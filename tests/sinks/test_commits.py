"""What a sink says of a commit that fails, on real servers."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from runtime.kafka import client_options
from schemas.topics import Topic, topic_key
from sinks.consumer import Consumer
from sinks.migrate import migrate
from sinks.readiness import Readiness
from sinks.recall import Recall
from sinks.store import Store
from sinks.unread import Unread
from sinks.writer import Trouble, Writer
from tests.kit.events import event
from tests.servers import eventually
from tests.sinks.flow import Flow

if TYPE_CHECKING:
    from runtime.settings import KafkaSettings, Settings
    from sinks.batch import Partition

# kafka-python leaves a socket open when it is closed in the middle of joining
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")


class Outrun(Consumer):
    """At its first commit it is out of the group, and another one has read and committed the same."""

    def __init__(self, kafka: KafkaSettings, other: Consumer) -> None:
        super().__init__(kafka)
        self._other = other
        self.failed = False

    def commit(self, offsets: dict[Partition, int]) -> None:
        if not self.failed:
            self._lose_place()
            read: dict[Partition, int] = {}
            while read != offsets:
                read |= {
                    (each.topic, each.partition): each.offset + 1 for _, each in self._other.poll(seconds=0.2)
                }
            self._other.commit(read)
        try:
            super().commit(offsets)
        except KafkaError:
            self.failed = True
            raise

    def _lose_place(self) -> None:
        group = self._consumer.group_metadata()
        with closing(KafkaAdminClient(**client_options(self._kafka))) as admin:
            admin.remove_group_members(group.group_id, [MemberToRemove(member_id=group.member_id)])


def test_what_others_have_taken_over_need_not_be_committed_any_more(stack_settings: Settings) -> None:
    migrate(stack_settings)
    stop, readiness = threading.Event(), Readiness()
    store, other = Store(stack_settings), Consumer(stack_settings.kafka)
    consumer = Outrun(stack_settings.kafka, other)
    recall, trouble = Recall(stack_settings, store, Unread(0)), Trouble(readiness)
    writer = Writer(stack_settings.sink, consumer, store, recall, trouble, stop=stop)
    with Flow(stack_settings) as flow:
        flow.publish(Topic.EVENTS, event("ring", "a").to_json(), key=topic_key("acme", "a"))
    work = threading.Thread(target=writer.run)
    work.start()
    try:
        eventually(lambda: consumer.failed, "a commit fails")
        eventually(lambda: list(other.poll(0.2)) == [] and readiness() == (True, ""), "it is ready again")
    finally:
        stop.set()
        work.join()
        for each in (recall, consumer, other, store):
            each.close()
