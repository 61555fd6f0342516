"""With which code and sources the archive was read last, and what differs now: said before a replay."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from operations.replay.cursor import FOLDER, digest
from runtime import sources
from runtime.errors import CallweaveError
from runtime.files import replace_file
from schemas.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime.settings import Settings

PACKAGES = ("operations", "processors", "runtime", "schemas", "sinks")
"""Where the code is that reads callbacks and makes tables."""

FILE = "reading.json"

SETTINGS = ("account", "dialect", *sources.READ_WITH)
"""Of a source: what its callbacks are read by."""


@dataclass(frozen=True)
class Means:
    """What callbacks are read with."""

    code: str
    """Digest of the code."""
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By its name, each source's settings that matter."""
    since: int = 0
    """When it was read with them, microseconds since 1970 UTC."""

    @property
    def digest(self) -> str:
        """A value that changes whenever something may be read differently."""
        return digest(self.code, sorted((name, *sorted(said.items())) for name, said in self.sources.items()))


def means_of(settings: Settings, since: int) -> Means:
    """Return this machine's means; raises `SourcesError`."""
    known = {
        each.name: {name: str(getattr(each, name) or "none") for name in SETTINGS}
        for each in sources.load(settings.sources_file)
    }
    return Means(_code(), known, since)


def _code() -> str:
    root = Path(__file__).parents[2]
    files = sorted(
        path for name in PACKAGES for path in (root / name).rglob("*") if path.suffix in {".py", ".sql"}
    )
    return digest(
        [(str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    )


def differences(last: Means, now: Means) -> Iterator[str]:
    """Return each thing that is read differently now. Pure."""
    if last.code != now.code:
        yield "the code"
    for name in sorted(last.sources.keys() | now.sources.keys()):
        if name not in last.sources:
            yield f"source {name} is new"
        elif name not in now.sources:
            yield f"source {name} is not configured any more"
        else:
            yield from _of_source(name, last.sources[name], now.sources[name])


def _of_source(name: str, last: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for setting in SETTINGS:
        if last.get(setting) != now.get(setting):
            yield f"source {name}: {setting} was {last.get(setting, 'not known')}, is {now.get(setting)}"


def since_last(last: Means | None, now: Means) -> str:
    """Return a sentence for the user. Pure."""
    if last is None:
        return "With which code and sources the archive was read before is not known here."
    begun = f"the last reading ({moment(last.since):%Y-%m-%d %H:%M:%S} UTC)"
    found = list(differences(last, now))
    if not found:
        return f"Nothing differs from {begun}: neither code nor sources."
    return f"What differs from {begun}: {'; '.join(found)}."


class Last:
    """The file that keeps the means of the last reading."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FOLDER / FILE

    def read(self) -> Means | None:
        """Return the last reading's means, None if not known; raises `CallweaveError` for another file."""
        try:
            return Means(**orjson.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise CallweaveError(f"{self._path} is no record of a reading: delete it.") from None

    def write(self, now: Means) -> None:
        """Replace the file; a crash leaves the old or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, orjson.dumps(asdict(now)))

    def write_first(self, now: Means) -> None:
        """Write the file unless it exists, before what is configured changes for the first time."""
        if not self._path.exists():
            self.write(now)
