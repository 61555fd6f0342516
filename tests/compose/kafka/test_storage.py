"""The folder of topics: formatted once, never half, and never taken for what it isn't."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from compose.embedded.kafka.storage import META, METADATA, format_storage, is_formatted, new_cluster_id
from compose.embedded.node import NodeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WHOLE = "#\n#Sat\nversion=1\ncluster.id=abc=\nnode.id=1\ndirectory.id=def\n"


def write_meta(logs: Path, text: str) -> None:
    logs.mkdir()
    (logs / META).write_text(text)


def test_an_absent_folder_is_not_formatted(tmp_path: Path) -> None:
    assert not is_formatted(tmp_path / "logs")


def test_a_whole_one_is(tmp_path: Path) -> None:
    write_meta(tmp_path / "logs", WHOLE)
    assert is_formatted(tmp_path / "logs")


@pytest.mark.parametrize("text", ["", "version=1\n", WHOLE.replace("directory.id", "dir"), "\0\0\0"])
def test_a_torn_one_is_one_sentence(tmp_path: Path, text: str) -> None:
    write_meta(tmp_path / "logs", text)
    with pytest.raises(NodeError, match=r"is damaged: meta\.properties lacks .* move the folder away"):
        is_formatted(tmp_path / "logs")


def test_topics_without_their_description_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "logs" / "calls.events-0").mkdir(parents=True)
    with pytest.raises(NodeError, match=r"is damaged: meta\.properties can't be read"):
        is_formatted(tmp_path / "logs")


@pytest.mark.parametrize(
    "damage",
    [
        lambda metadata: (metadata / "0.log").write_bytes(b""),
        lambda metadata: (metadata / "0.log").write_bytes(b"\x01" * 100),
        lambda metadata: (metadata / "0.log").unlink(),
        lambda metadata: metadata.rename(metadata.with_name("elsewhere")),
    ],
)
def test_topics_without_the_list_of_them_are_one_sentence(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    write_meta(tmp_path / "logs", WHOLE)
    metadata = tmp_path / "logs" / METADATA
    metadata.mkdir()
    (metadata / "0.log").write_bytes(bytes(16) + b"\x02 and records")
    assert is_formatted(tmp_path / "logs")
    (tmp_path / "logs" / "calls.events-0").mkdir()
    assert is_formatted(tmp_path / "logs")
    damage(metadata)
    with pytest.raises(NodeError, match=r"is damaged: __cluster_metadata-0 can't be read"):
        is_formatted(tmp_path / "logs")


def test_another_nodes_folder_is_refused(tmp_path: Path) -> None:
    write_meta(tmp_path / "logs", WHOLE.replace("node.id=1", "node.id=7"))
    with pytest.raises(NodeError, match="another Kafka, node 7"):
        is_formatted(tmp_path / "logs")


def test_a_format_that_fails_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    new = tmp_path / "new"
    script = f"import os, sys; os.mkdir({str(new)!r}); sys.exit('no space left')"
    with pytest.raises(NodeError, match=r"can't format .*: no space left"):
        format_storage([sys.executable, "-c", script], new, tmp_path / "logs")
    assert not is_formatted(tmp_path / "logs")
    script = f"import os; os.mkdir({str(new)!r}); open({str(new / META)!r}, 'w').write({WHOLE!r})"
    format_storage([sys.executable, "-c", script], new, tmp_path / "logs")  # what was left is no hindrance
    assert is_formatted(tmp_path / "logs")


def test_cluster_ids_are_sixteen_bytes_and_no_options() -> None:
    made = {new_cluster_id() for _ in range(500)}
    assert len(made) == 500
    assert all(len(text) == 22 and not text.startswith("-") for text in made)
