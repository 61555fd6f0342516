"""Kafka's jars: the locked list, and a folder made whole from a Maven repository, whatever lies there."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from compose.embedded.kafka import fetch as fetching
from compose.embedded.kafka import install as installing
from compose.embedded.kafka.install import install
from compose.embedded.kafka.jars import (
    MARKER,
    Jar,
    classpath,
    is_installed,
    kafka_version,
    locked_jars,
)
from compose.embedded.locks import folder_lock
from compose.embedded.node import NodeError
from tests.kit.http import Quiet, serving
from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = {f"part{number}": bytes([number]) * (1_000 + number) for number in range(5)}
JARS = [
    Jar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())
    for name, content in CONTENT.items()
]


class Repository(ThreadingHTTPServer):
    """A Maven repository on loopback that counts what it is asked for, and can misbehave."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cut_short: set[str] = set()
        self.wrong: set[str] = set()
        repository = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                artifact = self.path.split("/")[-3]
                expected = f"/org/example/{artifact}/1.0/{artifact}-1.0.jar"
                if self.path != expected or artifact not in CONTENT:
                    self.send_error(404)
                    return
                repository.asked.append(artifact)
                body = b"?" * len(CONTENT[artifact]) if artifact in repository.wrong else CONTENT[artifact]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:10] if artifact in repository.cut_short else body)

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def urls(self) -> dict[str, str]:
        return {"central": f"http://127.0.0.1:{self.server_port}"}


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setattr(fetching, "PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Repository()) as served:
        yield served


def test_the_lock_names_one_version_of_each_jar() -> None:
    jars = locked_jars()
    names = [(jar.group, jar.artifact) for jar in jars]
    assert len(names) == len(set(names))
    assert len({jar.file_name for jar in jars}) == len(jars)
    versions = {jar.artifact: jar.version for jar in jars}
    assert versions["kafka-clients"] == versions["kafka_2.13"] == kafka_version(jars)
    assert "log4j-slf4j-impl" in versions
    assert all(len(jar.sha256) == 64 for jar in jars)


def test_an_empty_folder_is_filled_and_then_left_alone(tmp_path: Path, repository: Repository) -> None:
    install(tmp_path, JARS, repository.urls)
    assert {jar.file_name: (tmp_path / jar.file_name).read_bytes() for jar in JARS} == {
        f"{name}-1.0.jar": content for name, content in CONTENT.items()
    }
    assert sorted(repository.asked) == sorted(CONTENT)
    assert [path.rsplit("/", 1)[1] for path in classpath(tmp_path, JARS).split(":")] == [
        jar.file_name for jar in JARS
    ]
    tmp_path.chmod(0o500)  # a whole folder is not written to
    install(tmp_path, JARS, {"central": "http://127.0.0.1:9"})  # nor is the network asked
    tmp_path.chmod(0o700)


def test_only_what_is_missing_or_damaged_is_fetched_again(tmp_path: Path, repository: Repository) -> None:
    install(tmp_path, JARS, repository.urls)
    repository.asked.clear()
    (tmp_path / "part0-1.0.jar").unlink()
    (tmp_path / "part1-1.0.jar").write_bytes(b"short")
    flipped = tmp_path / "part2-1.0.jar"
    before = flipped.stat()
    flipped.write_bytes(b"!" + CONTENT["part2"][1:])  # the same size
    os.utime(flipped, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert not is_installed(tmp_path, JARS)
    install(tmp_path, JARS, repository.urls)
    assert sorted(repository.asked) == ["part0", "part1", "part2"]
    assert is_installed(tmp_path, JARS)


@pytest.mark.parametrize("marker", ["", "{", "[]", '{"part0-1.0.jar": null}'])
def test_a_marker_that_is_torn_counts_for_nothing(
    tmp_path: Path, repository: Repository, marker: str
) -> None:
    install(tmp_path, JARS, repository.urls)
    (tmp_path / MARKER).write_text(marker)
    assert not is_installed(tmp_path, JARS)
    repository.asked.clear()
    install(tmp_path, JARS, repository.urls)
    assert repository.asked == []  # each jar was hashed, and found whole
    assert is_installed(tmp_path, JARS)


def test_a_new_list_fetches_what_it_adds(tmp_path: Path, repository: Repository) -> None:
    install(tmp_path, JARS[:4], repository.urls)
    assert not is_installed(tmp_path, JARS)
    repository.asked.clear()
    install(tmp_path, JARS, repository.urls)
    assert repository.asked == ["part4"]


def test_an_interrupted_fetch_is_one_sentence_and_the_next_one_mends_it(
    tmp_path: Path, repository: Repository
) -> None:
    repository.cut_short = {"part3"}
    with pytest.raises(NodeError, match=r"^Kafka's part3-1.0.jar could not be fetched .*start again\.$"):
        install(tmp_path, JARS, repository.urls)
    assert not (tmp_path / "part3-1.0.jar").exists()
    assert not is_installed(tmp_path, JARS)
    repository.cut_short.clear()
    install(tmp_path, JARS, repository.urls)
    assert is_installed(tmp_path, JARS)


def test_a_jar_that_is_not_the_locked_one_is_refused(tmp_path: Path, repository: Repository) -> None:
    repository.wrong = {"part1"}
    with pytest.raises(NodeError, match=r"not the file that jars\.toml names"):
        install(tmp_path, JARS, repository.urls)
    assert not (tmp_path / "part1-1.0.jar").exists()


def test_a_jar_that_the_repository_lacks_is_one_sentence(tmp_path: Path, repository: Repository) -> None:
    unknown = Jar("org.example", "nowhere", "1.0", 1, "0" * 64)
    with pytest.raises(NodeError, match=r"nowhere-1.0.jar could not be fetched"):
        install(tmp_path, [unknown], repository.urls)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NodeError, match="can't be kept in"):
        install(tmp_path / "file" / "jars", JARS, {})


def test_many_at_once_fetch_each_jar_once(tmp_path: Path, repository: Repository) -> None:
    with ThreadPoolExecutor(6) as pool:
        for task in [pool.submit(install, tmp_path, JARS, repository.urls) for _ in range(6)]:
            task.result()
    assert sorted(repository.asked) == sorted(CONTENT)


def test_who_waits_for_another_program_is_told(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(installing, "say", said.append)
    release, waiting = threading.Event(), threading.Event()
    first = threading.Thread(target=_hold, args=(tmp_path, waiting, release))
    first.start()
    assert waiting.wait(60)
    second = threading.Thread(target=install, args=(tmp_path, JARS, repository.urls))
    second.start()
    eventually(lambda: any("waiting" in line for line in said), "it says that it waits")
    assert repository.asked == []
    release.set()
    first.join()
    second.join()
    assert is_installed(tmp_path, JARS)


def _hold(folder: Path, held: threading.Event, release: threading.Event) -> None:
    with folder_lock(folder, lambda: None):
        held.set()
        release.wait(60)
