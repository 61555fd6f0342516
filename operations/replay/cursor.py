"""The progress of a run through the archive, in a file: an interrupted run continues there when repeated."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Generic, TypeVar

import orjson

from operations.replay.archive import Key
from operations.replay.building import Building
from operations.replay.progress import Progress
from runtime.errors import CallweaveError
from runtime.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from operations.replay.archive import Selection

FOLDER = "replay"

LATEST = "latest"
"""The name under which the replay that was begun last is kept, whatever its selection."""

Kept = TypeVar("Kept", bound=Progress | Building)


def name_of(selection: Selection) -> str:
    """Return the same name for the same part of the archive."""
    return digest(sorted(selection.values().items()))


def digest(*said: object) -> str:
    text = repr(said[0] if len(said) == 1 else said)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Cursor(Generic[Kept]):
    """The file that keeps the progress of one replay or build."""

    def __init__(self, folder: Path, name: str, kept: type[Kept]) -> None:
        """`kept` is the type of what the file holds. Nothing is read or written yet."""
        self._path = folder / FOLDER / f"{name}.json"
        self._kept = kept

    def read(self) -> Kept | None:
        """Return what an earlier run left, or None."""
        try:
            known = orjson.loads(self._path.read_bytes())
            known["after"] = Key(*known["after"])
            return self._kept(**known)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise CallweaveError(f"{self._path} is no cursor of a replay: delete it.") from None

    def write(self, progress: Kept) -> None:
        """Replace the file; a crash leaves the old or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, orjson.dumps({**asdict(progress), "after": list(progress.after)}))

    def forget(self) -> None:
        """Remove the file: the replay is over."""
        self._path.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path, name: str = "lock") -> Iterator[None]:
    """Allow one replay of this name at a time: a later one must see what the earlier one decided."""
    path = folder / FOLDER / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CallweaveError("Another replay is running: wait for its end, or stop it.") from None
        yield
