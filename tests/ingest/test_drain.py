"""What the broker takes of the spool is published once, whatever it does not take."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaTimeoutError

from ingest.broker import Broker
from ingest.drain import Drain
from ingest.groups import Message
from ingest.publisher import KafkaPublisher
from ingest.spool import BROKEN, Spool
from runtime import topics
from runtime.kafka import client_options
from schemas.topics import Topic
from tests.ingest.conftest import read_topic
from tests.kit.spool import append
from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kafka import KafkaAdminClient

    from ingest.broker import Turns
    from runtime.settings import Settings

PLENTY = 1 << 30
MANY = 450
"""Messages: more than are published together."""
TIMEOUT_SECONDS = 1.0


class Answering:
    """A publisher whose broker answers; one message has come after all, which it says once."""

    def __init__(self, late: bytes = b"") -> None:
        self._late = late

    def answering(self) -> bool:
        return True

    def came_after_all(self, message: Message, deadline: float) -> bool:
        del deadline
        found = message.value == self._late
        if found:
            self._late = b""
        return found


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Nothing that holds a file is freed by chance."""
    gc.disable()
    yield
    gc.enable()


def make(admin: KafkaAdminClient, topic: str, **config: str) -> None:
    admin.create_topics([NewTopic(topic, 1, 1, topic_configs=config)])
    admin.wait_for_topics([topic])


def compacted(admin: KafkaAdminClient, topic: str) -> None:
    """It takes no message without a key."""
    make(admin, topic, **{"cleanup.policy": "compact"})


def not_compacted(admin: KafkaAdminClient, topic: str) -> None:
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "delete"})])


def missing(admin: KafkaAdminClient, topic: str) -> None:
    assert topic not in admin.list_topics()


def spool_of(folder: Path, *files: list[tuple[str, bytes]]) -> Spool:
    """With a closed file for each list of topics and values."""
    spool = Spool(folder, PLENTY)
    for file in files:
        spool.publish([Message(topic, value, [("id", value)]) for topic, value in file])
        spool.seal()
    return spool


def values(settings: Settings, topic: Topic) -> list[bytes]:
    return sorted(value for value, _ in read_topic(settings, topic))


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(
    ("trouble", "mend"),
    [pytest.param(compacted, not_compacted, id="refusing"), pytest.param(missing, make, id="missing")],
)
def test_a_topic_that_can_not_be_written_keeps_back_only_its_own(
    settings: Settings,
    tmp_path: Path,
    trouble: Callable[[KafkaAdminClient, str], None],
    mend: Callable[[KafkaAdminClient, str], None],
) -> None:
    raw, stuck = f"{settings.kafka.prefix}{Topic.RAW}", f"{settings.kafka.prefix}stuck"
    numbers = [b"%03d" % number for number in range(MANY)]
    folder = tmp_path / "files"
    first = [(stuck, b"stuck"), *((raw, value) for value in numbers), (stuck, b"stuck, too")]
    spool = spool_of(folder, first, [(raw, b"later")])
    tried: list[Turns] = []

    def connect(turns: Turns, timeout_seconds: float) -> Broker:
        del timeout_seconds
        tried.append(turns)
        return Broker(client_options(settings.kafka), [raw], turns, TIMEOUT_SECONDS)

    with topics.admin(settings.kafka) as admin:
        trouble(admin, stuck)
        drain = Drain(spool, connect, Answering(late=numbers[0]))
        drain.start()
        with contextlib.closing(drain):
            eventually(lambda: len(tried) > 6, "it is tried again")
            assert len(list(folder.iterdir())) == 1, "the later file is published"
            assert values(settings, Topic.RAW) == [*numbers[1:], b"later"]
            mend(admin, stuck)
            eventually(lambda: not list(folder.iterdir()), "the rest is published")
    assert values(settings, Topic.RAW) == [*numbers[1:], b"later"]


def test_what_the_broker_never_takes_is_kept_for_people(settings: Settings, tmp_path: Path) -> None:
    raw, folder = f"{settings.kafka.prefix}{Topic.RAW}", tmp_path / "files"
    spool = spool_of(folder, [(raw, b"before"), (raw, b"x" * 40_000_000), (raw, b"after")])
    connect = partial(Broker, client_options(settings.kafka), [raw])
    drain = Drain(spool, connect, Answering())
    drain.start()
    with contextlib.closing(drain):
        eventually(lambda: [left.suffix for left in folder.iterdir()] == [BROKEN], "it is set aside")
    assert values(settings, Topic.RAW) == [b"after", b"before"]


class NeverDone:
    """What became of messages of which no news comes, ever."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        """How many seconds each wait was."""

    def get(self, seconds: float) -> None:
        self.waits.append(seconds)
        time.sleep(seconds)
        raise KafkaTimeoutError


def test_late_messages_are_waited_for_once_and_together(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.drain.LATE_SECONDS", 0.5)
    raw, folder = f"{settings.kafka.prefix}{Topic.RAW}", tmp_path / "files"
    numbers = [b"%03d" % number for number in range(MANY)]
    spool = spool_of(folder, [(raw, value) for value in numbers])
    publisher, never = KafkaPublisher(settings.kafka, [raw], TIMEOUT_SECONDS), NeverDone()
    for value in numbers:
        publisher.late(Message(raw, value, [("id", value)]), never)
    publisher.start()
    drain = Drain(spool, partial(Broker, client_options(settings.kafka), [raw]), publisher)
    drain.start()
    with contextlib.closing(publisher), contextlib.closing(drain):
        eventually(lambda: not list(folder.iterdir()), "all are published")
    assert values(settings, Topic.RAW) == numbers
    assert len(never.waits) == MANY
    assert sum(never.waits) <= 0.5


def test_no_connection_is_made_for_files_that_others_write(tmp_path: Path) -> None:
    others = Spool(tmp_path, PLENTY)
    append(others, "t", b"theirs", [])
    tried: list[Turns] = []
    looked = threading.Semaphore(0)

    def connect(turns: Turns, timeout_seconds: float) -> Broker:
        tried.append(turns)
        raise OSError(timeout_seconds)

    drain = Drain(Spool(tmp_path, PLENTY), connect, Answering(), looked.release)
    drain.start()
    with contextlib.closing(drain):
        for _ in range(6):
            looked.acquire()
        assert tried == []
        others.seal()
        eventually(lambda: tried != [], "it is anybody's now")
