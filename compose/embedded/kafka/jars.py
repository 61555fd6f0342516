"""Kafka's jars: which ones (`jars.toml`), and whether a folder has all of them, whole.

A folder with every jar has `installed.json`, written last: size and time of each file whose SHA-256 was
checked. So an interrupted fetch is noticed, a changed file is checked again, and a start does not read every
jar only to hash it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

LOCKED = Path(__file__).with_name("jars.toml")
MARKER = "installed.json"


@dataclass(frozen=True)
class Jar:
    """One jar by its Maven coordinates; `size` in bytes, `sha256` in hex."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def locked_jars(lock: Path = LOCKED) -> list[Jar]:
    """Every jar that Kafka needs, in the order of the class path."""
    return [Jar(**entry) for entry in tomllib.loads(lock.read_text())["jar"]]


def kafka_version(jars: list[Jar]) -> str:
    return next(jar.version for jar in jars if jar.artifact == "kafka-clients")


def is_whole(path: Path, jar: Jar) -> bool:
    """Whether the file is that jar, by size and SHA-256."""
    if not path.is_file() or path.stat().st_size != jar.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def write_marker(folder: Path, jars: list[Jar]) -> None:
    """Record that these jars were checked. Written beside and renamed: the file is whole or absent."""
    stamps = {jar.file_name: [jar.sha256, *_stamp(folder / jar.file_name)] for jar in jars}
    new = folder / f"{MARKER}.new"
    new.write_text(json.dumps(stamps, indent=1) + "\n")
    new.replace(folder / MARKER)


def is_installed(folder: Path, jars: list[Jar]) -> bool:
    """Whether every jar is there and is the file that was checked."""
    try:
        stamps = json.loads((folder / MARKER).read_text())
        return all(stamps.get(jar.file_name) == [jar.sha256, *_stamp(folder / jar.file_name)] for jar in jars)
    except (OSError, ValueError, AttributeError):  # no marker, a torn one, or a jar is gone
        return False


def classpath(folder: Path, jars: list[Jar]) -> str:
    """The class path in a fixed order: the quick-start archive is valid for one order only."""
    return ":".join(str((folder / jar.file_name).resolve()) for jar in jars)
