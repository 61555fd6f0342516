"""`make demo`: 2,000 calls of two misbehaving providers; every row is checked, and questions are answered.

It uses the stack of `make run`, or starts one of its own and stops it at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from compose import demo_sources, signals
from compose.demo import answers, check
from compose.embedded.node import NodeError
from compose.run import PRIVATE, Kill, Stop, fail, locked, take_interrupts
from compose.stack import Stack
from runtime.errors import CallweaveError, StartError
from runtime.probe import readiness
from runtime.settings import load
from runtime.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runtime.settings import Settings

    Attend = Callable[[], None]  # restarts what has ended; call it often

CALLS = 2000
RATE, SPEEDUP = 300, 60
MISBEHAVIOUR = (
    *("--duplicates", "2%"),
    *("--shuffle", "30s"),
    *("--lost-hangups", "1%"),
    *("--late-cdr", "5m"),
    *("--malformed", "0.5%"),
    *("--untidy", "5%"),
)
POLL_SECONDS = 0.2
READY_SECONDS = 60.0
SETTLE_SECONDS = 90.0
"""How long rows may take to be right after the last callback."""


def main() -> None:
    """Exit with status 0 if every call is right, 1 otherwise."""
    take_interrupts()
    os.umask(PRIVATE)
    try:
        settings = load()
        with stack(settings) as attend:
            demo_sources.required(settings)
            folder = simulate(attend)
            report = check.settled(settings, folder, attend, patience=SETTLE_SECONDS)
            answers.show(settings, folder)
            for line in check.verdict(report):
                echo(line)
            echo(f"Look at this day, while `make run` runs: {settings.console.base_url}")
    except (Stop, Kill):
        echo("Stopped.")
        sys.exit(1)
    except (CallweaveError, NodeError) as error:
        fail("make demo", error)
    if not report.right:
        sys.exit(1)


@contextmanager
def stack(settings: Settings) -> Iterator[Attend]:
    """Use the stack that runs on these settings' data, or start one for as long as the context lasts."""
    with ExitStack() as lock:
        try:
            lock.enter_context(locked(settings.data))
            idle = True
        except StartError:
            idle = False
        if idle:
            with started(settings) as attend:
                yield attend
        else:
            echo("Using the stack that runs already.")
            await_ready(settings)
            yield lambda: None


@contextmanager
def started(settings: Settings) -> Iterator[Attend]:
    """Start a stack of our own; raise `StartError` if it can't run here."""
    own = Stack(settings, echo)
    echo("Nothing runs yet: starting a stack, to be stopped at the end.")
    try:
        own.up()
        try:
            yield own.attend
        finally:
            own.down()
    finally:
        own.kill()


def await_ready(settings: Settings) -> None:
    """Wait until the ingress is ready; raise `StartError` otherwise."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        ready, why = readiness(settings.metrics_host, settings.ingest.metrics_port)
        if ready:
            return
        if time.monotonic() > deadline:
            raise StartError(f"the ingress of the running stack is not ready: {why or 'no reason given'}.")
        time.sleep(POLL_SECONDS)


def simulate(attend: Attend) -> Path:
    """Send the calls to the demo sources; return the ledger's folder. Raises `StartError`."""
    options = ["--calls", str(CALLS), "--rate", str(RATE), "--speedup", str(SPEEDUP), *MISBEHAVIOUR]
    # The clock gives the seed: a fixed one would shuffle the same way each time.
    options += ["--seed", str(time.time_ns() % 1_000_000)]
    echo(f"callweave simulate {' '.join(options)}")
    command = [sys.executable, "-m", "callweave", "simulate", *options]
    with signals.held():
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        while child.poll() is None:
            attend()
            time.sleep(POLL_SECONDS)
        out, _ = child.communicate()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
    if child.returncode:
        raise StartError("the simulated provider failed.")
    return Path(out.strip())


if __name__ == "__main__":
    main()
