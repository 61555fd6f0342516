"""The folder that a node keeps its topics in: formatted once, and looked at before each start."""

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
FORMAT_SECONDS = 120


def new_cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes, URL-safe base64, without padding, no leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):  # the format tool would take it for an option
            return text


def is_formatted(logs: Path) -> bool:
    """Whether the folder is ready for a node; raises `NodeError` when something else lies there."""
    if not logs.exists():
        return False
    cure = "put a copy of it back, or move the folder away to begin without data"
    try:
        lines = (logs / META).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NodeError(f"Kafka's data in {logs} is damaged: {META} can't be read; {cure}.") from error
    meta = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    if missing := {"version", "cluster.id", "node.id", "directory.id"} - meta.keys():
        raise NodeError(f"Kafka's data in {logs} is damaged: {META} lacks {sorted(missing)}; {cure}.")
    if meta["node.id"] != str(NODE_ID):
        raise NodeError(
            f"{logs} holds the data of another Kafka, node {meta['node.id']}: choose another folder."
        )
    return True


def format_storage(command: list[str], formatting: Path, logs: Path) -> None:
    """Run the format `command`, which fills the folder `formatting`; then make that be `logs`.

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
