"""`make run`: the whole pipeline on this machine, with nothing but Python; Ctrl-C stops it in order."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from compose.demo_sources import panel
from compose.embedded.node import NodeError
from compose.stack import Stack
from runtime.errors import CallweaveError, SettingsError, StartError
from runtime.files import writing
from runtime.settings import load
from runtime.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


POLL_SECONDS = 0.25
SAME_WISH_SECONDS = 1.0
"""Signals this soon after the first one are the same wish: make passes on a SIGTERM that we received
ourselves."""


PRIVATE = 0o077
"""The umask of servers and stages: no other user of this machine reads what they write."""


class Stop(BaseException):
    """A request to stop. Not an `Exception`, so that no handler mistakes it for a failure."""


class Kill(BaseException):
    """A second request to stop."""


def take_interrupts() -> None:
    """Turn the first SIGINT or SIGTERM into `Stop`, and a later one into `Kill`."""
    first: float | None = None

    def handle(*_: object) -> None:
        nonlocal first
        now = time.monotonic()
        if first is None:
            first = now
            raise Stop
        if now - first > SAME_WISH_SECONDS:
            raise Kill

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def main() -> None:
    """Run until Ctrl-C; exit with status 0 after an orderly stop, 1 otherwise."""
    take_interrupts()
    os.umask(PRIVATE)
    try:
        settings = load()
        with locked(settings.data):
            run(Stack(settings, echo))
    except Stop:
        echo("Stopped before anything was started.")
    except (CallweaveError, NodeError) as error:
        fail("make run", error)
    except Kill:
        sys.exit(1)


def fail(command: str, error: CallweaveError | NodeError) -> NoReturn:
    for line in error.problems if isinstance(error, SettingsError) else str(error).splitlines():
        echo(f"{command}: {line}", err=True)
    sys.exit(1)


def run(stack: Stack) -> None:
    """Start, supervise and stop a stack. Whatever happens, nothing is left running."""
    try:
        try:
            stack.up()
            for line in panel(stack.settings, stack.urls, stack.logs):
                echo(line)
            while True:
                stack.attend()
                time.sleep(POLL_SECONDS)
        except Stop:
            echo("Stopping; press Ctrl-C again to kill.")
        finally:
            stack.down()
    except Kill:
        echo("Killing what still runs.")
        raise
    finally:
        stack.kill()


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Let one stack at a time use the folder; raise `StartError` if another one does."""
    with writing(data, "data (CALLWEAVE_DATA)"):
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)  # it holds callbacks, with phone numbers and recording links, and callback URLs
    with (data / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "?"
            raise StartError(f"a stack runs on {data} already (process {owner}): stop it first.") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


if __name__ == "__main__":
    main()
