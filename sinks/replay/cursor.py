"""How far a replay has come, in a file: an interrupted one goes on there when it is asked for again."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import orjson

from callweave.errors import CallweaveError
from sinks.replay.archive import FIRST, Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sinks.replay.archive import Selection

FOLDER = "replay"


@dataclass(frozen=True)
class Progress:
    """What was sent so far."""

    replayed_at: int
    """When it began, microseconds since 1970 UTC; the same after an interruption."""
    part: int = 0
    """0 for the selection itself, 1 for what else belongs to its calls."""
    after: Key = FIRST
    sent: int = 0
    companions: int = 0

    def went_on(self, after: Key, number: int) -> Progress:
        """So many more have been acknowledged by the broker."""
        if self.part:
            return replace(self, after=after, companions=self.companions + number)
        return replace(self, after=after, sent=self.sent + number)


class Cursor:
    """The file of one selection."""

    def __init__(self, folder: Path, selection: Selection) -> None:
        """Nothing is read or written yet."""
        name = hashlib.sha256(repr(sorted(selection.values().items())).encode()).hexdigest()[:16]
        self._path = folder / FOLDER / f"{name}.json"

    def read(self) -> Progress | None:
        """What an interrupted replay left; None without one."""
        try:
            known = orjson.loads(self._path.read_bytes())
            return Progress(**{**known, "after": Key(*known["after"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise CallweaveError(f"{self._path} is no cursor of a replay: delete it.") from None

    def write(self, progress: Progress) -> None:
        """Replace it: a crash leaves the old or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_bytes(orjson.dumps({**asdict(progress), "after": list(progress.after)}))
        new.replace(self._path)

    def forget(self) -> None:
        """The replay is over."""
        self._path.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One replay at a time: a later one must see what the earlier has decided."""
    path = folder / FOLDER / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CallweaveError("Another replay is running: wait for its end, or stop it.") from None
        yield
