"""The node's configuration."""

from __future__ import annotations

from pathlib import Path

from compose.embedded.kafka.properties import render, server_properties


def test_every_listener_is_where_it_was_asked_for() -> None:
    made = server_properties(
        host="127.0.0.1", port=1, controller_port=2, advertised="127.0.0.1:3", logs=Path("/data/logs")
    )
    assert made["listeners"] == "CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2"
    assert made["advertised.listeners"] == "CLIENT://127.0.0.1:3"
    assert made["controller.quorum.voters"] == "1@127.0.0.1:2"
    assert made["log.dirs"] == "/data/logs"


def test_backslashes_survive_a_java_properties_file() -> None:
    assert render({"log.dirs": "C:\\kafka", "node.id": 1}) == "log.dirs=C:\\\\kafka\nnode.id=1\n"
