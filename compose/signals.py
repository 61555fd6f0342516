"""Signals that come at a bad moment."""

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
    """Hold back a wish to stop until the end of the block.

    A handler that raises may do so between any two steps: also between the start of a process and the
    moment at which somebody knows of it. Nobody would stop that process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread alone
        return
    came: list[int] = []

    def keep(number: int, frame: FrameType | None) -> None:
        del frame
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
