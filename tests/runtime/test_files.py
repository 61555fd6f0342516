"""A file is replaced as a whole or not at all, and nothing is left beside it."""

from __future__ import annotations

import os
import resource
import signal
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from runtime.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 1024 * 1024


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """A disk that is full, as far as this process can tell, once a file has so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("content", [b"", b"new", b"\xff\x00\r\n" * LIMIT])
def test_a_file_is_made_or_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    assert path.read_bytes() == b"old"
    replace_file(path, content)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0, 0o022])
def test_it_is_readable_by_us_alone_whatever_the_umask_and_the_old_file(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    with umask(mask):
        replace_file(path, b"new")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_who_has_the_old_file_open_reads_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    with path.open("rb") as file:
        replace_file(path, b"new")
        assert file.read() == b"old"


def test_a_failure_in_the_midst_of_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    with files_at_most(LIMIT), pytest.raises(OSError, match="too large"):
        replace_file(path, bytes(2 * LIMIT))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_at_the_end_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(folder, b"new")
    assert folder.is_dir()
    assert list(tmp_path.iterdir()) == [folder]
