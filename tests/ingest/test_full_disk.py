"""The spool's disk is full: 503, nothing half, and 200 again once there is room."""

from __future__ import annotations

import resource
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.spool import decoded
from tests.conftest import say_not_run
from tests.ingest.conftest import kept_in, new_settings, new_token, running
from tests.servers import NO_KAFKA

if TYPE_CHECKING:
    from tests.ingest.conftest import Ingress

pytestmark = pytest.mark.server  # the ingress is a process

MEBIBYTE = 1024 * 1024
DISK, BALLAST = 64 * MEBIBYTE, 8 * MEBIBYTE
BODIES = [b'{"uuid":"%s"}' % (b"x" * size) for size in (500_000, 20_000, 1)]
"""The large ones fill it, the small ones what is left."""
NO_TMPFS = "no tmpfs can be mounted here without privileges: a limit on files stood in for the full disk"


class LimitOnFiles:
    """No file may grow any more."""

    within: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def spool(self, ingress: Ingress) -> Path:
        """Where we see its spool."""
        assert ingress.running
        return self._folder

    def fill(self, ingress: Ingress, token: str) -> int:
        """How many callbacks were kept until it was full."""
        kept = sum(ingress.post(token, body).status_code == 200 for body in BODIES)
        self._limit(ingress, 0)
        return kept + posted_until_full(ingress, token)

    def free(self, ingress: Ingress) -> None:
        """Make room."""
        self._limit(ingress, None)

    @staticmethod
    def _limit(ingress: Ingress, size: int | None) -> None:
        assert ingress.pid is not None
        _, hard = resource.prlimit(ingress.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(ingress.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


class Tmpfs(LimitOnFiles):
    """A file system of 64 MiB that only the ingress sees; a ballast is taken off to make room."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(exist_ok=True)
        mount = f'mount -t tmpfs -o size={DISK} tmpfs "$0" && exec "$@"'
        self.within = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(folder))

    @classmethod
    def is_to_be_had(cls, folder: Path) -> bool:
        try:
            return (
                subprocess.run([*cls(folder).within, "true"], capture_output=True, check=False).returncode
                == 0
            )
        except FileNotFoundError:
            return False

    def spool(self, ingress: Ingress) -> Path:
        return Path(f"/proc/{ingress.pid}/root{self._folder}")

    def fill(self, ingress: Ingress, token: str) -> int:
        (self.spool(ingress) / "ballast").write_bytes(bytes(BALLAST))
        kept = posted_until_full(ingress, token)
        assert kept > (DISK - BALLAST) / len(BODIES[0]) - 2
        return kept

    def free(self, ingress: Ingress) -> None:
        (self.spool(ingress) / "ballast").unlink()


def posted_until_full(ingress: Ingress, token: str) -> int:
    """How many were kept."""
    kept = 0
    for body in BODIES:
        while ingress.post(token, body).status_code == 200:
            kept += 1
    return kept


def files(spool: Path) -> list[bytes]:
    """What stands in each; the file that tries whether there is room comes and goes."""
    found = []
    for path in spool.glob("*.spool"):
        with suppress(FileNotFoundError):
            found.append(path.read_bytes())
    return found


def bad_lines(spool: Path) -> list[bytes]:
    """Lines that are not as they were written."""
    lines = [line for file in files(spool) for line in file.split(b"\n")]
    return [line[:50] for line in lines if line.strip() and decoded(line) is None]


@pytest.fixture(params=[LimitOnFiles, Tmpfs])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> LimitOnFiles:
    """Each kind of full disk that this machine lets us have; the first it always does."""
    kind: type[LimitOnFiles] = request.param
    if kind is Tmpfs and not Tmpfs.is_to_be_had(tmp_path / "spool"):
        say_not_run(request.config, NO_TMPFS)
        kind = LimitOnFiles
    return kind(tmp_path / "spool")


def test_a_full_disk_is_a_503_until_there_is_room(disk: LimitOnFiles, tmp_path: Path) -> None:
    settings = new_settings(NO_KAFKA, tmp_path)
    token = new_token(settings)
    with running(settings, tmp_path, disk.within) as ingress:
        kept = disk.fill(ingress, token)
        refused = [ingress.post(token) for _ in range(5)]
        assert {(answer.status_code, "Retry-After" in answer.headers) for answer in refused} == {(503, True)}
        assert not ingress.ready()
        time.sleep(1.2)  # it has looked for room, twice
        spool = disk.spool(ingress)
        assert len(kept_in(spool)) == kept
        assert bad_lines(spool) == []
        assert files(spool).count(b"") <= 1, "no file is left for each that failed"
        disk.free(ingress)
        assert ingress.post(token).status_code == 200
        assert ingress.ready()
        assert len(kept_in(spool)) == kept + 1
        assert bad_lines(spool) == []
