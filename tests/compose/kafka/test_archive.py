"""The quick-start archive: made once for one set of jars, and no hindrance where it can't be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compose.embedded.kafka.archive import archive_path, quick_start_archive
from compose.embedded.kafka.jars import Jar
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from pathlib import Path

JARS = [Jar("org.example", "part", "1.0", 3, "")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "part-1.0.jar").write_bytes(b"jar")
    return tmp_path


class Trainer:
    """Writes the archive, or fails, and counts."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls = 0

    def __call__(self, path: Path) -> None:
        self.calls += 1
        if self.error is not None:
            raise self.error
        path.write_bytes(b"archive")


def test_it_is_made_once(folder: Path) -> None:
    trainer = Trainer()
    made = [quick_start_archive(folder, JARS, trainer) for _ in range(3)]
    assert made == [archive_path(folder, JARS)] * 3
    assert trainer.calls == 1


def test_changed_jars_need_another_one_and_old_ones_go(folder: Path) -> None:
    made = []
    for size in range(1, 6):
        (folder / "part-1.0.jar").write_bytes(b"x" * size)
        made.append(quick_start_archive(folder, JARS, Trainer()))
    assert len(set(made)) == 5
    assert set(folder.glob("quick-start-*")) == set(made[-2:])


@pytest.mark.parametrize("trainer", [Trainer(NodeError("no")), lambda _path: None])
def test_where_it_cannot_be_made_it_is_tried_once(folder: Path, trainer: Trainer) -> None:
    assert quick_start_archive(folder, JARS, trainer) is None
    second = Trainer()
    assert quick_start_archive(folder, JARS, second) is None
    assert second.calls == 0


def test_an_interrupted_one_is_made_again(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        quick_start_archive(folder, JARS, _interrupted)
    assert quick_start_archive(folder, JARS, Trainer()) is not None
    assert len(list(folder.glob("quick-start-*"))) == 1


def _interrupted(path: Path) -> None:
    path.write_bytes(b"half")
    raise KeyboardInterrupt
