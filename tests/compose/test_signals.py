from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from compose import signals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


class Stop(BaseException):
    """What the handler raises."""


def handler(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Stop


@pytest.fixture(params=signals.WISHES_TO_STOP)
def number(request: pytest.FixtureRequest) -> Iterator[int]:
    """A signal whose handler raises."""
    number: int = request.param
    before = signal.signal(number, handler)
    yield number
    signal.signal(number, before)


def test_a_wish_to_stop_waits_for_the_end_of_the_block(number: int) -> None:
    steps = []

    def work() -> None:
        with signals.held():
            signal.raise_signal(number)
            steps.append("goes on")

    with pytest.raises(Stop):
        work()
    assert steps == ["goes on"]
    assert signal.getsignal(number) is handler


def test_without_one_nothing_happens(number: int) -> None:
    with signals.held():
        pass
    assert signal.getsignal(number) is handler


def test_what_ignores_them_goes_on_ignoring(number: int) -> None:
    signal.signal(number, signal.SIG_IGN)
    with signals.held():
        assert signal.getsignal(number) is signal.SIG_IGN
    signal.signal(number, handler)


def test_another_thread_leaves_the_handlers_alone(number: int) -> None:
    seen = []

    def look() -> None:
        with signals.held():
            seen.append(signal.getsignal(number))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handler]
