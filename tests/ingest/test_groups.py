"""Threads that publish together: each learns what became of its own message, in time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.groups import Groups, Message, UnacknowledgedError


class Broker:
    """Takes groups when it is let."""

    def __init__(self) -> None:
        self.taken: list[list[bytes]] = []
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.failing = False

    def send(self, messages: list[Message], deadline: float) -> None:
        self.entered.release()
        if not self.open.wait(max(0.0, deadline - time.monotonic())):
            raise UnacknowledgedError("too slow")
        if self.failing:
            raise UnacknowledgedError("refused")
        self.taken.append([message.value for message in messages])


def outcome(groups: Groups, value: bytes, timeout_seconds: float = 60) -> str:
    try:
        groups.publish(Message("topic", value, []), timeout_seconds)
    except UnacknowledgedError as error:
        return str(error)
    return "acknowledged"


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_what_comes_while_a_group_is_under_way_is_the_next_group() -> None:
    broker = Broker()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        others = [pool.submit(outcome, groups, value) for value in numbered(8)]
        while groups.waiting < 8:
            time.sleep(0.01)
        broker.open.set()
        assert {future.result(60) for future in [first, *others]} == {"acknowledged"}
    assert [sorted(group) for group in broker.taken] == [[b"first"], numbered(8)]


def test_many_threads_each_get_their_own_answer() -> None:
    broker = Broker()
    broker.open.set()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(32) as pool:
        outcomes = list(pool.map(lambda value: outcome(groups, value), numbered(5000)))
    assert outcomes == ["acknowledged"] * 5000
    taken = [value for group in broker.taken for value in group]
    assert sorted(taken) == sorted(numbered(5000))


def test_what_waits_behind_a_group_that_failed_fails_with_it() -> None:
    broker = Broker()
    broker.failing = True
    groups = Groups(broker.send)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        others = [pool.submit(outcome, groups, value) for value in numbered(4)]
        while groups.waiting < 4:
            time.sleep(0.01)
        broker.open.set()
        assert {future.result(60) for future in [first, *others]} == {"refused"}
    broker.failing = False
    assert outcome(groups, b"later") == "acknowledged"
    assert broker.taken == [[b"later"]]


def test_a_message_whose_time_is_up_is_not_sent_any_more() -> None:
    broker = Broker()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        assert outcome(groups, b"impatient", timeout_seconds=0.05) == "no acknowledgement in time"
        broker.open.set()
        assert first.result(60) == "acknowledged"
    assert outcome(groups, b"next") == "acknowledged"
    assert broker.taken == [[b"first"], [b"next"]]


def test_a_leader_that_breaks_leaves_no_one_waiting() -> None:
    def send(messages: list[Message], deadline: float) -> None:
        raise RuntimeError("a defect")

    groups = Groups(send)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            groups.publish(Message("topic", b"", []), 60)
