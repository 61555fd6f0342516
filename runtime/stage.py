"""How a stage begins and ends: its logs, its probes and metrics, its signals, its exit status.

The exit status is 0 after an orderly stop, 1 for what a person can put right (the command line prints the
`CallweaveError`), and 70 for a defect: then whoever started the stage starts it again.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from runtime import logs, metrics
from runtime.addresses import written
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from runtime.metrics import Ready
    from runtime.settings import Settings

log = structlog.get_logger(__name__)

EXIT_FAILED = 70
"""As sysexits.h: an internal error."""
STOP_SECONDS = 2.0
"""How long a stage's end waits for work beside it: what is left undone, the next process does."""
LOOP_SECONDS = 120.0
"""How long one step on an event loop may take: after a recovery a correlator looks at its whole
state in one."""


class Heart:
    """Whether the work goes on: each part of it beats, and a silent part has hung or died."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` returns the time in seconds."""
        self._monotonic = monotonic
        self._due: dict[str, float] = {}

    def beat(self, part: str, patience_seconds: float) -> None:
        """Note that a part works; it must beat again within its patience. Any thread may call this."""
        self._due[part] = self._monotonic() + patience_seconds

    def alive(self) -> Ready:
        """Return whether every part has beaten in time, and if not, which has not."""
        now = self._monotonic()
        silent = [part for part, due in list(self._due.items()) if due < now]
        return not silent, ", ".join(f"{part} stands still" for part in silent)


class StageProcess:
    def __init__(self, name: str, settings: Settings) -> None:
        """`name` is that of its section in the settings."""
        self.name = name
        self.settings = settings
        self.heart = Heart()
        self.stopping = threading.Event()
        self.probes = ""
        """The address on which it answers them."""
        self.check: Callable[[], Ready] = lambda: (False, "starting")
        """Whether it can do its work now."""
        self.passing: tuple[type[BaseException], ...] = (OSError,)
        """Errors that may be left over in an event loop: those of connections that broke."""
        self._when_stopping: list[Callable[[], object]] = []

    def started(self, check: Callable[[], Ready]) -> None:
        """Note that the work begins; from now on `check` says whether it can be done."""
        self.check = check
        log.info("started", probes=self.probes)

    def ready(self) -> Ready:
        return (False, "stopping") if self.stopping.is_set() else self.check()

    def when_stopping(self, call: Callable[[], object]) -> None:
        """Call this when the stage is told to stop; at once if it was already."""
        self._when_stopping.append(call)
        if self.stopping.is_set():
            call()

    def stop(self, *_: object) -> None:
        """Tell the stage to stop; telling it again changes nothing."""
        if not self.stopping.is_set():
            self.stopping.set()
            for call in self._when_stopping:
                call()

    def take_signals(self) -> None:
        """Stop on SIGTERM and SIGINT, replacing earlier handlers."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)

    def watch_loop(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        """Make an event loop beat, and end the process when it reports an unexpected error.

        Call this in the loop's own thread, or before it runs.
        """

        def beat() -> None:
            self.heart.beat(name, LOOP_SECONDS)
            loop.call_later(1.0, beat)

        loop.set_exception_handler(self._loop_failed)
        beat()

    def _loop_failed(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None or isinstance(error, self.passing):
            log.warning("left over in the event loop", what=context["message"], error=type(error).__name__)
        else:
            self._failed(error)

    def thread_failed(self, args: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`."""
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self._failed(args.exc_value)

    def _failed(self, error: BaseException) -> None:
        if self.stopping.is_set():  # what was under way is cut off, and nobody needs it any more
            log.warning("failed while stopping", error=type(error).__name__)
            return
        log.error("unexpected error; ending the process", exc_info=error)
        leave(EXIT_FAILED)


def run(name: str, settings: Settings, work: Callable[[StageProcess], None]) -> NoReturn:
    """Do a stage's work until SIGTERM or SIGINT, then end the process; raises `CallweaveError`."""
    logs.configure(settings.log, name)
    stage = StageProcess(name, settings)
    stage.take_signals()
    threading.excepthook = stage.thread_failed
    port = getattr(settings, name).metrics_port
    with metrics.serve(port, stage.ready, host=settings.metrics_host, alive=stage.heart.alive) as server:
        stage.probes = written(*server.address)
        try:
            work(stage)
        except CallweaveError:
            raise
        except BaseException:
            log.exception("unexpected error; ending the process")
            leave(EXIT_FAILED)
    log.info("stopped")
    leave(0)


@contextmanager
def beside(name: str, work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do work on a thread of this name until the block ends, which sets the event."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_SECONDS)


def leave(status: int) -> NoReturn:
    """End the process at once.

    Threads may still live, idle or with endless work. Nothing is left to be saved: what was acknowledged
    is in Kafka or on the disk.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
