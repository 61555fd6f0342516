"""With which code and sources the archive was read last, and what differs now: said before a replay.

A replay of a part leaves several readings side by side: what differs is said of each.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import orjson

from operations.replay.cursor import FOLDER, digest
from runtime import sources
from runtime.errors import CallweaveError
from runtime.files import replace_file
from schemas.times import to_the_second

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from runtime.settings import Settings

PACKAGES = ("operations", "processors", "runtime", "schemas", "sinks")
"""Where the code is that reads callbacks and makes tables."""

FILE = "readings.json"

SETTINGS = ("dialect", *sources.READ_WITH)
"""A source's settings by which its callbacks are read. A callback keeps the account that it came with."""


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

    def of(self, source: str | None) -> Means:
        """Return the means of one source's callbacks, of all for None."""
        kept = {name: said for name, said in self.sources.items() if source in {None, name}}
        return replace(self, sources=kept)

    def without(self, names: Collection[str]) -> Means:
        kept = {name: said for name, said in self.sources.items() if name not in names}
        return replace(self, sources=kept)


Readings: TypeAlias = "list[Means]"
"""The last reading of the whole archive, then those of parts of it since; empty if it is not known."""


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


def begun(known: Readings, part: Means) -> Readings:
    """Return the readings once a replay of some callbacks of these sources has begun. Pure."""
    if any(each.digest == part.digest for each in known):
        return [part if each.digest == part.digest else each for each in known]
    return [*known, part] if known else []


def ended(known: Readings, now: Means, source: str | None) -> Readings:
    """Return the readings that are left after a replay of all callbacks, or all of one source. Pure."""
    if source is None:
        return [now]
    part = now.of(source)
    left = [each.without(part.sources) for each in known]
    return [*(each for each in left if each.sources), part] if known else []


def differences(last: Means, now: Means) -> Iterator[str]:
    """Return each thing that is read differently now of the last reading's sources. Pure."""
    if last.code != now.code:
        yield "the code"
    for name in sorted(last.sources):
        if name not in now.sources:
            yield f"source {name} is not configured any more"
        else:
            yield from _of_source(name, last.sources[name], now.sources[name])


def _of_source(name: str, last: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for setting in SETTINGS:
        if last.get(setting) != now.get(setting):
            yield f"source {name}: {setting} was {last.get(setting, 'not known')}, is {now.get(setting)}"


def since_last(readings: Readings, now: Means) -> str:
    """Return sentences for the user. Pure."""
    if not readings:
        return "With which code and sources the archive was read before is not known here."
    known = {name for each in readings for name in each.sources}
    new = [f"source {name} is new" for name in sorted(now.sources.keys() - known)]
    found = [[*differences(readings[0], now), *new], *(list(differences(each, now)) for each in readings[1:])]
    names = ["the last reading", *["a later reading of a part"] * len(readings[1:])]
    said = [
        f"What differs from {name}{_when(each)}: {'; '.join(those)}."
        for name, each, those in zip(names, readings, found, strict=True)
        if those
    ]
    latest = max(readings, key=lambda each: each.since)
    return (
        " ".join(said) or f"Nothing differs from the last reading{_when(latest)}: neither code nor sources."
    )


def _when(reading: Means) -> str:
    return f" ({to_the_second(reading.since)})"


class Last:
    """The file that keeps the means of the last reading of all, and of parts since."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FOLDER / FILE

    def read(self) -> Readings:
        """Return the readings, none if they are not known; raises `CallweaveError` for another file."""
        try:
            return [Means(**each) for each in orjson.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            raise CallweaveError(f"{self._path} is no record of a reading: delete it.") from None

    def begin(self, part: Means) -> None:
        """Note that some callbacks of these sources are being read."""
        self._write(begun(self.read(), part))

    def end(self, now: Means, source: str | None) -> None:
        """Note that all callbacks, or all of one source, were read."""
        self._write(ended(self.read(), now, source))

    def _write(self, readings: Readings) -> None:
        """Replace the file, unless nothing is known; a crash leaves the old or the new one."""
        if not readings:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, orjson.dumps([asdict(each) for each in readings]))

    def write_first(self, now: Means) -> None:
        """Write the file unless it exists, before what is configured changes for the first time."""
        if not self._path.exists():
            self._write([now])
