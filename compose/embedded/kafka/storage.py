"""The folder with a node's topics: formatted once, and checked before each start."""

from __future__ import annotations

import base64
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING

from compose.embedded.kafka.java import java_environment
from compose.embedded.kafka.properties import NODE_ID
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from pathlib import Path

META = "meta.properties"
METADATA = "__cluster_metadata-0"
MAGIC_AT, MAGIC = 16, b"\x02"  # the format of a batch of records, behind its offset, length and epoch
FORMAT_SECONDS = 120


def new_cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes, URL-safe base64, without padding, no leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # the format tool would take it for an option
            return text


def read_meta(logs: Path) -> dict[str, str]:
    """What formatting wrote about the folder; raises `OSError` or `UnicodeDecodeError`."""
    lines = (logs / META).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def is_formatted(logs: Path) -> bool:
    """Whether the folder is formatted; raises `NodeError` if it holds something else."""
    if not logs.exists():
        return False
    cure = "put a copy of it back, or move the folder away to begin without data"
    try:
        meta = read_meta(logs)
    except (OSError, UnicodeDecodeError) as error:
        raise NodeError(f"Kafka's data in {logs} is damaged: {META} can't be read; {cure}.") from error
    if missing := {"version", "cluster.id", "node.id", "directory.id"} - meta.keys():
        raise NodeError(f"Kafka's data in {logs} is damaged: {META} lacks {sorted(missing)}; {cure}.")
    if meta["node.id"] != str(NODE_ID):
        raise NodeError(
            f"{logs} holds the data of another Kafka, node {meta['node.id']}: choose another folder."
        )
    if _holds_topics(logs) and not _metadata_is_readable(logs):
        raise NodeError(f"Kafka's data in {logs} is damaged: {METADATA} can't be read; {cure}.")
    return True


def _holds_topics(logs: Path) -> bool:
    return any(path.is_dir() and path.name[-1].isdigit() and path.name != METADATA for path in logs.iterdir())


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAGIC_AT + 1)


def _metadata_is_readable(logs: Path) -> bool:
    """Whether the list of topics is there. Kafka would start an empty one, and treat the topics as strays."""
    heads = [_head(path) for path in (logs / METADATA).glob("*.log")]
    begun = [head for head in heads if head]
    readable = all(head[MAGIC_AT:] == MAGIC for head in begun)
    return readable and (len(begun) > 0 or any((logs / METADATA).glob("*.checkpoint")))


def format_storage(command: list[str], formatting: Path, logs: Path) -> None:
    """Run the format `command`, which fills the folder `formatting`; then rename that to `logs`.

    The rename comes last, so that a folder half formatted is never taken for a whole one.
    """
    shutil.rmtree(formatting, ignore_errors=True)
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=FORMAT_SECONDS,
        check=False,
        env=java_environment(),
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
        raise NodeError(f"Kafka can't format {logs}: {said[-1]}")
    formatting.replace(logs)
