"""Progress while Kafka is prepared: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from runtime.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STEPS = 4  # plain lines that a whole fetch prints


def say(line: str) -> None:
    """Print to standard error: standard output belongs to the command that runs."""
    echo(line, err=True)


@contextlib.contextmanager
def fetching(title: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of bytes that arrived; from any thread."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield plain_steps(title, total_bytes, say)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=total_bytes)
        yield lambda count: progress.advance(task, count)


def plain_steps(title: str, total_bytes: int, write: Callable[[str], None]) -> Callable[[int], None]:
    """Count bytes, and write a line at each quarter of the total."""
    came = 0
    said = 0
    lock = threading.Lock()  # several jars arrive at once
    write(f"{title}: {total_bytes / 1e6:.0f} MB")

    def advance(count: int) -> None:
        nonlocal came, said
        with lock:
            came += count
            step = min(STEPS, came * STEPS // total_bytes)
            if step > said:
                said = step
                write(f"{title}: {100 * step // STEPS} %")

    return advance
