"""Signals that arrive at a bad moment."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

WISHES_TO_STOP = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held() -> Iterator[None]:
    """Delay a signal to stop until the end of the block.

    A handler that raises may do so between any two steps, for example after a process was started and before
    it is known to us; nobody would stop that process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread only
        return
    came: list[int] = []

    def keep(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    handlers = {number: signal.getsignal(number) for number in WISHES_TO_STOP}
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        for number in ours:
            signal.signal(number, keep)
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for wish in came:
            signal.raise_signal(wish)
