"""Folders that one process at a time may use."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class DataInUseError(NodeError):
    def __init__(self, name: str, data: Path, holder: str) -> None:
        super().__init__(
            f"The {name} data in {data} is in use by process {holder or '(unknown)'}: "
            "stop it, or choose another folder."
        )


def lock_data(name: str, data: Path) -> int:
    """Hold the data directory of the server called `name` until the descriptor is closed.

    A child that inherits the descriptor holds it as well. Raises `DataInUseError` if another process does.
    """
    data.mkdir(parents=True, exist_ok=True)
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        raise DataInUseError(name, data, holder) from None
    name_holder(lock, os.getpid())
    return lock


def name_holder(lock: int, pid: int) -> None:
    """Write which process to stop for the directory to be free."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{pid}\n".encode(), 0)


@contextlib.contextmanager
def folder_lock(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the folder against every other process; `on_wait` is called once if another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file, or our death, releases it
