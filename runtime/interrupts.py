"""Ctrl-C at a terminal, where it must not come between a step that can't be undone and what is said of it."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interrupts:
    """Ctrl-C waits, except in a block that lets it through: only there it raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self._through = False
        self._waits = False

    @contextmanager
    def let_through(self) -> Iterator[None]:
        """Raise KeyboardInterrupt at Ctrl-C, once, and at the beginning if one waits."""
        self._through = True
        try:
            if self._waits:
                self._waits = False
                self.pressed()
            yield
        finally:
            self._through = False

    def pressed(self, *_: object) -> None:
        """Handle the signal. The next one waits: the first may be on its way out of the block."""
        if self._through:
            self._through = False
            raise KeyboardInterrupt
        self._waits = True


@contextmanager
def held() -> Iterator[Interrupts]:
    """Hold Ctrl-C until the block ends; one that waits then is forgotten. Main thread only.

    A process that ignores Ctrl-C, as one in the background, goes on ignoring it.
    """
    interrupts, before = Interrupts(), signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts.pressed)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
