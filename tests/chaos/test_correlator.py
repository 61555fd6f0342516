"""The correlator killed, restarted, joined and left while thousands of calls come in any order: the rows of
`calls` are those of the plain model, none more and none less."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer

from runtime.kafka import ByKey, client_options
from schemas.topics import Topic, topic_key
from tests.chaos.report import new_rng, say
from tests.chaos.stack import SESSION_SECONDS, Stages
from tests.chaos.truth import differences, expected_calls, found_calls
from tests.kit.events import call_events
from tests.rows import count, work_done
from tests.scale import scaled
from tests.servers import eventually

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from runtime.settings import Settings
    from schemas.events import CallEvent

pytestmark = pytest.mark.timeout(scaled(600, 3600))

ACCOUNT = "acme"
CALLS = scaled(1_000, 10_000)
KILLS = scaled(5, 25)
DUPLICATES = 0.2
PIECES = 100
LATE = 0.15
"""So many events are kept back until all processes have been ended."""


def generated(rng: random.Random, calls: int) -> list[CallEvent]:
    """So many calls, or somewhat more: the events of one may fall into several."""
    return [
        replace(event, account=ACCOUNT)
        for number in range(calls)
        for event in call_events(rng, prefix=f"{number:05d}-")
    ]


def disordered(rng: random.Random, events: list[CallEvent]) -> list[CallEvent]:
    """The same in any order, some of them twice."""
    sent = events + rng.sample(events, int(len(events) * DUPLICATES))
    rng.shuffle(sent)
    return sent


class Publishing:
    """Publishes events as the normalizer does, over so many seconds, in a thread of its own."""

    def __init__(self, settings: Settings, events: list[CallEvent], seconds: float) -> None:
        self._settings = settings
        self._events = events
        self._pause = seconds / PIECES
        self._work = ThreadPoolExecutor(1).submit(self._publish)

    def join(self) -> None:
        """Wait for its end; raises what it failed with."""
        self._work.result()

    def _publish(self) -> None:
        kafka = self._settings.kafka
        producer = KafkaProducer(**client_options(kafka), partitioner=ByKey())
        size = len(self._events) // PIECES + 1
        acknowledged = []
        for start in range(0, len(self._events), size):
            for event in self._events[start : start + size]:
                key = topic_key(event.account, event.ids[0])
                topic = kafka.topic(Topic.EVENTS)
                acknowledged.append(producer.send(topic, event.to_json(), key=key))
            time.sleep(self._pause)
        for future in acknowledged:
            future.get(60)
        producer.close()


def assert_calls_equal_the_model(settings: Settings, events: list[CallEvent]) -> None:
    expected = expected_calls(events)

    def wrong() -> list[str]:
        return differences(expected, found_calls(settings, [ACCOUNT]))

    def equal() -> bool:
        # the count is cheap: every row is compared only when it may be right
        if count(settings, "SELECT count() FROM calls") == len(expected) and not wrong():
            return True
        time.sleep(0.5)
        return False

    try:
        eventually(equal, "calls equals the model", so_far=partial(work_done, settings))
    except AssertionError:
        still = sorted(wrong())
        some = "\n".join(still[:20])
        raise AssertionError(f"{len(still)} differences from the model:\n{some}") from None
    say(f"{len(events)} events, {len(expected)} calls, all columns equal")


def test_kills_joins_and_leaves(chaos_settings: Settings, tmp_path: Path) -> None:
    rng = new_rng("test_kills_joins_and_leaves")
    events = generated(rng, CALLS)
    with Stages(chaos_settings, tmp_path, ("correlate", "sink")) as stages:
        first = stages.by_name["correlate"]
        publishing = Publishing(chaos_settings, disordered(rng, events), seconds=scaled(5, 8) * KILLS)
        second = stages.another("correlate", "-second")
        try:
            for number in range(1, KILLS + 1):
                # in half of the cases while it works off what came while it was away
                time.sleep(rng.uniform(0.0, 0.5) if rng.random() < 0.5 else rng.uniform(0.5, 4.0))
                first.kill()
                if number % 5 == 1:
                    second.start()  # joins while nobody is there, or while the dead one is still a member
                    eventually(second.answers, "the second worker is ready")
                elif number % 5 == 2:
                    assert second.stop() == 0
                elif number % 5 == 3:
                    second.start()  # killed at any moment of its start, or of its work
                elif number % 5 == 4:
                    second.kill()
                time.sleep(rng.uniform(0.0, 1.0))
                first.start()
                began = time.monotonic()
                if rng.random() < 0.7:
                    eventually(first.answers, "the first worker is ready again")
                    say(f"kill {number}: ready {time.monotonic() - began:.1f} s after its restart")
                else:
                    say(f"kill {number}: not waited for")
        finally:
            second.kill()
        publishing.join()
        assert_calls_equal_the_model(chaos_settings, events)
        assert stages.exits() == {}


def test_a_frozen_worker_and_then_the_end_of_all(chaos_settings: Settings, tmp_path: Path) -> None:
    """A worker that stood still while others took over writes on for a moment when it goes on; and what is
    told of old calls later meets a state that was read back from the changelog alone."""
    rng = new_rng("test_a_frozen_worker_and_then_the_end_of_all")
    events = generated(rng, CALLS // 4)
    sent = disordered(rng, events)
    early = sent[int(len(sent) * LATE) :]
    with Stages(chaos_settings, tmp_path, ("correlate", "sink")) as stages:
        first, second = stages.by_name["correlate"], stages.another("correlate", "-second")
        second.start()
        try:
            publishing = Publishing(chaos_settings, early, seconds=6 * SESSION_SECONDS)
            eventually(second.answers, "the second worker is ready")
            for frozen, other in ((first, second), (second, first)):
                time.sleep(rng.uniform(0.2, 2.0))
                frozen.freeze()
                time.sleep(SESSION_SECONDS + rng.uniform(0.5, 2.5))  # its partitions go to the other
                eventually(other.answers, "the other worker is ready")
                frozen.thaw()
                eventually(frozen.answers, "the frozen worker is back")
            publishing.join()
            assert_calls_equal_the_model(chaos_settings, early)
        finally:
            second.kill()
        for stage in stages.by_name.values():
            stage.kill()
        for stage in stages.by_name.values():
            stage.start()
        Publishing(chaos_settings, sent[: len(sent) - len(early)], seconds=1).join()
        assert_calls_equal_the_model(chaos_settings, events)
