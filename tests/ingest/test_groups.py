"""Threads that publish together: each learns what became of its own message, in time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest

from ingest.groups import Groups, Message
from tests.servers import eventually


class Broker:
    """Takes groups when it is let."""

    def __init__(self) -> None:
        self.taken: list[list[bytes]] = []
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.failing = False
        self.taking = threading.Event()
        self.taking.set()

    def send(self, messages: list[Message]) -> Sent:
        self.entered.release()
        self.taking.wait(60)
        return Sent(self, messages)


class Sent:
    """A group that the broker has, or not."""

    def __init__(self, broker: Broker, messages: list[Message]) -> None:
        self.broker = broker
        self.messages = messages

    def wait(self, deadline: float) -> bool:
        return self.broker.open.wait(max(0.0, deadline - time.monotonic()))

    def end(self) -> dict[Message, str]:
        if not self.broker.open.is_set() or self.broker.failing:
            return dict.fromkeys(self.messages, "refused" if self.broker.failing else "too slow")
        self.broker.taken.append([message.value for message in self.messages])
        return {}


def outcome(groups: Groups, value: bytes, timeout_seconds: float = 60) -> str:
    return outcomes(groups, [value], timeout_seconds)[0]


def outcomes(groups: Groups, values: list[bytes], timeout_seconds: float = 60) -> list[str]:
    """Of messages that one thread brings."""
    messages = [Message("topic", value, []) for value in values]
    groups.publish(messages, timeout_seconds)
    return [message.error or "acknowledged" for message in messages]


def numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_what_comes_while_a_group_is_under_way_is_the_next_group() -> None:
    broker = Broker()
    broker.open.set()
    broker.taking.clear()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        others = [pool.submit(outcome, groups, value) for value in numbered(8)]
        eventually(lambda: groups.waiting == 8, "the others wait")
        broker.taking.set()
        assert {future.result(60) for future in (first, *others)} == {"acknowledged"}
    assert [sorted(group) for group in broker.taken] == [[b"first"], numbered(8)]


class TooLate:
    """Where a thread waits whose time is up in the very moment in which it is told to lead."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._lock = message.woken

    def acquire(self, timeout: float) -> bool:
        del timeout
        eventually(lambda: self._message.leads, "it is told to lead")
        return False

    def release(self) -> None:
        self._lock.release()


def test_a_thread_may_be_told_to_lead_when_its_time_is_up() -> None:
    broker = Broker()
    groups = Groups(broker.send)
    late = Message("topic", b"late", [])
    late.woken = TooLate(late)  # type: ignore[assignment] # a lock, for what is asked of it
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        threading.Timer(0.1, broker.open.set).start()
        groups.publish([late], timeout_seconds=60)
        assert first.result(60) == "acknowledged"
    assert sorted(broker.taken) == [[b"first"], [b"late"]]


def test_a_group_that_takes_long_holds_up_nobody() -> None:
    broker = Broker()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(outcome, groups, b"slow")
        assert broker.entered.acquire(timeout=60)
        other = pool.submit(outcome, groups, b"other")
        assert broker.entered.acquire(timeout=60), "it was sent while the first still waits"
        broker.open.set()
        assert (slow.result(60), other.result(60)) == ("acknowledged", "acknowledged")


def test_many_threads_each_get_their_own_answers() -> None:
    broker = Broker()
    broker.open.set()
    groups = Groups(broker.send)
    values = numbered(10_000)
    brought = [values[start : start + 1 + start % 3] for start in range(0, 10_000, 3)]
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda some: outcomes(groups, some), brought))
    assert answers == [["acknowledged"] * len(some) for some in brought]
    taken = [value for group in broker.taken for value in group]
    assert sorted(taken) == sorted(value for some in brought for value in some)


def test_what_failed_is_not_sent_again() -> None:
    broker = Broker()
    broker.open.set()
    broker.failing = True
    groups = Groups(broker.send)
    assert outcome(groups, b"first") == "refused"
    broker.failing = False
    assert outcome(groups, b"later") == "acknowledged"
    assert broker.taken == [[b"later"]]


def test_a_message_fails_alone() -> None:
    class Picky(Sent):
        def end(self) -> dict[Message, str]:
            return {message: "too large" for message in self.messages if message.value == b"large"}

    broker = Broker()
    broker.open.set()
    groups = Groups(lambda messages: Picky(broker, messages))
    with ThreadPoolExecutor(3) as pool:
        pool.submit(outcome, groups, b"first").result(60)
        answers = list(pool.map(lambda some: outcomes(groups, some), [[b"0", b"large", b"1"], [b"2"]]))
    assert answers == [["acknowledged", "too large", "acknowledged"], ["acknowledged"]]


def test_a_message_whose_time_is_up_is_not_sent_any_more() -> None:
    broker = Broker()
    broker.open.set()
    broker.taking.clear()
    groups = Groups(broker.send)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        second = pool.submit(outcome, groups, b"second")
        eventually(lambda: groups.waiting == 1, "the second waits")
        late = outcomes(groups, [b"impatient", b"too"], timeout_seconds=0.05)
        assert late == ["no acknowledgement in time"] * 2
        broker.taking.set()
        assert [first.result(60), second.result(60)] == ["acknowledged"] * 2
    assert broker.taken == [[b"first"], [b"second"]]


def test_what_becomes_of_a_group_does_not_reach_who_has_left_it() -> None:
    """A callback that is in the spool meanwhile would be answered 503."""
    broker = Broker()
    broker.failing = True
    broker.taking.clear()
    groups = Groups(broker.send)
    impatient = Message("topic", b"impatient", [])
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(outcome, groups, b"first")
        assert broker.entered.acquire(timeout=60)
        second = pool.submit(outcome, groups, b"second")
        eventually(lambda: groups.waiting == 1, "the second is to lead")
        left = pool.submit(groups.publish, [impatient], 2.0)
        eventually(lambda: groups.waiting == 2, "the impatient one waits behind it")
        broker.taking.set()
        assert broker.entered.acquire(timeout=60), "both are under way"
        left.result(60)
        assert impatient.error == "no acknowledgement in time"
        impatient.error = None  # it has been kept elsewhere
        broker.open.set()
        assert [first.result(60), second.result(60)] == ["refused"] * 2
    assert impatient.error is None


@pytest.mark.parametrize("breaks", ["send", "wait", "end"])
def test_a_leader_that_breaks_leaves_no_one_waiting(breaks: str) -> None:
    """All of its group fail, so that they can be kept elsewhere."""

    def broken(*_: object) -> NoReturn:
        raise RuntimeError("a defect")

    broker = Broker()
    broker.open.set()

    def send(messages: list[Message]) -> Sent:
        sent = broker.send(messages)
        if breaks == "send":
            broken()
        setattr(sent, breaks, broken)
        return sent

    groups = Groups(send)
    for _ in range(2):
        assert outcomes(groups, [b"one", b"two"]) == ["a defect"] * 2
