"""Jars that every test shares with `make run`, and one running node for the tests that leave it as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compose.embedded.kafka import KafkaNode
from runtime.addresses import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

JARS = Path(__file__).parents[3] / "var" / "jars"


def new_node(data: Path, *, jars: Path = JARS) -> KafkaNode:
    """A node on free ports, not started."""
    return KafkaNode(data, port=free_port(), controller_port=free_port(), jars=jars)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """A running node, for tests that leave it as it is."""
    with new_node(tmp_path_factory.mktemp("kafka")) as running:
        yield running
