"""`make test-fast` starts no server: what starts one is marked, and nothing else can."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests import pipeline, servers

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_marked_starts_no_server(tmp_path: Path) -> None:
    settings = servers.new_settings(servers.NO_KAFKA, "127.0.0.1:1", tmp_path)
    for started in (
        servers.kafka_node(tmp_path / "kafka"),
        servers.clickhouse_node(tmp_path / "clickhouse"),
        pipeline.Worker("sink", settings, tmp_path / "sink.log"),
    ):
        with pytest.raises(pytest.fail.Exception, match=rf"This test starts .*{sys.executable}|java"):
            started.start()


def test_what_asks_for_a_server_is_marked(request: pytest.FixtureRequest) -> None:
    """Whether by its fixtures, or theirs: only those can be sure of one."""
    asking = {"kafka_address", "clickhouse_address"}
    wrong = [
        item.nodeid
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and asking & set(item.fixturenames)
        and not item.get_closest_marker("server")
    ]
    assert wrong == []
