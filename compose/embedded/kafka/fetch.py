"""Fetch jars from Maven's central repository with jgo, and check each by its SHA-256."""

from __future__ import annotations

import contextlib
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests
from jgo.maven import MavenContext, PythonResolver

from compose.embedded.kafka.jars import Jar, is_whole
from compose.embedded.kafka.progress import fetching
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

AT_ONCE = 8
TRIES = 3
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 30


def fetch(folder: Path, jars: list[Jar], repositories: Mapping[str, str] | None = None) -> None:
    """Put these jars into the folder, each renamed into place once it is whole. Raises `NodeError`.

    `repositories` are Maven repositories, name to URL; the default is Maven's central one. What an earlier
    try fetched stays. The caller holds the folder's lock.
    """
    parts = folder / "partial"
    shutil.rmtree(parts, ignore_errors=True)
    with fetching("Fetching Kafka", sum(jar.size for jar in jars)) as advance:
        context = MavenContext(
            resolver=PythonResolver(progress_callback=_counting(advance)),
            repo_cache=parts,
            remote_repos=None if repositories is None else dict(repositories),
            timeout=TIMEOUT_SECONDS,
        )
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tasks = [pool.submit(_fetch_one, context, folder, jar) for jar in jars]
            try:
                for task in tasks:
                    task.result()
            except BaseException:  # the first failure, or Ctrl-C, need not wait for the rest
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    shutil.rmtree(parts, ignore_errors=True)


def _counting(
    advance: Callable[[int], None],
) -> Callable[[str, int], contextlib.AbstractContextManager[Callable[[int], None]]]:
    """A progress callback as jgo wants it: a context manager for each file."""

    @contextlib.contextmanager
    def one_file(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield advance

    return one_file


def _fetch_one(context: MavenContext, folder: Path, jar: Jar) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    part = artifact.cached_path
    if part is None:
        raise NodeError(f"{jar.file_name} has no place to be fetched to.")
    reason = ""
    for attempt in range(TRIES):
        time.sleep(attempt * PAUSE_SECONDS)
        part.unlink(missing_ok=True)  # jgo takes any existing file for a whole one
        try:
            artifact.resolve()
        except (requests.RequestException, RuntimeError) as error:  # RuntimeError: not in the repository
            reason = type(error).__name__
            continue
        if is_whole(part, jar):
            part.replace(folder / jar.file_name)
            return
        reason = "it is not the file that jars.toml names"
    message = f"Kafka's {jar.file_name} could not be fetched ({reason}): check the network and start again."
    raise NodeError(message)
