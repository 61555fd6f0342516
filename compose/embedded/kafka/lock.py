"""Rewrite `jars.toml`: every jar that Kafka needs (`python -m compose.embedded.kafka.lock`)."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from jgo.maven import MavenContext, PythonResolver

from compose.embedded.kafka.jars import LOCKED, Jar

if TYPE_CHECKING:
    from jgo.maven import Artifact

KAFKA = "4.3.1"
LOG4J = "2.25.4"
WANTED = [
    f"org.apache.kafka:kafka_2.13:{KAFKA}",
    f"org.apache.kafka:kafka-clients:{KAFKA}",  # jgo picks 3.9.1 by itself
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J}",  # Kafka logs through SLF4J 1.7 and ships no backend
]
HEADING = "# Written by `python -m compose.embedded.kafka.lock`: the order is that of the class path.\n"


def resolve(cache: Path) -> list[Jar]:
    """Ask Maven which jars are needed at run time, and fetch them into `cache` for their sizes and hashes."""
    context = MavenContext(resolver=PythonResolver(), repo_cache=cache)
    wanted = [context.create_dependency(coordinate) for coordinate in WANTED]
    for dependency in wanted:
        dependency.scope = "compile"  # without a scope, jgo also lists 3.9.1 and what it needs
    named, implied = context.resolver.resolve(wanted)
    needed = [*named, *(one for one in implied if one.scope in ("compile", "runtime"))]
    return [_jar(dependency.artifact) for dependency in needed]


def _jar(artifact: Artifact) -> Jar:
    content = artifact.resolve().read_bytes()
    return Jar(
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def write(jars: list[Jar], path: Path = LOCKED) -> None:
    path.write_text(HEADING + "".join(_entry(jar) for jar in jars))


def _entry(jar: Jar) -> str:
    lines = (
        f"{name} = {json.dumps(value)}\n" for name, value in vars(jar).items()
    )  # TOML's strings are JSON's
    return "\n[[jar]]\n" + "".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        write(resolve(Path(folder)))
