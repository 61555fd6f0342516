"""Put Kafka's jars into a folder: only what is missing or damaged is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compose.embedded.kafka.jars import is_installed, is_whole, write_marker
from compose.embedded.kafka.progress import say
from compose.embedded.locks import folder_lock
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from compose.embedded.kafka.jars import Jar


def install(folder: Path, jars: list[Jar], repositories: Mapping[str, str] | None = None) -> None:
    """Put every jar into the folder: fetch what is missing or damaged, leave the rest."""
    if is_installed(folder, jars):
        return  # needs neither the network nor a writable folder
    from compose.embedded.kafka.fetch import fetch  # noqa: PLC0415 - jgo takes 0.4 s to import; only a fetch needs it

    try:
        with folder_lock(folder, lambda: say("Another program fetches Kafka's jars: waiting for it.")):
            if not is_installed(folder, jars):
                lacking = [jar for jar in jars if not is_whole(folder / jar.file_name, jar)]
                fetch(folder, lacking, repositories)
                write_marker(folder, jars)
    except OSError as error:
        raise NodeError(f"Kafka's jars can't be kept in {folder}: {error}.") from error
