from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from compose.stack import Stack, listeners, objections, resolved, taken_ports
from runtime.addresses import free_port, is_loopback
from runtime.errors import StartError
from runtime.settings import ClickHouseSettings, KafkaSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path


def free(**more: Any) -> Settings:
    """Settings with ports that nobody uses."""
    return resolved(
        Settings.model_validate(
            {
                "kafka": {"bootstrap_servers": f"127.0.0.1:{free_port()}"},
                "clickhouse": {"port": free_port(), "http_port": free_port()},
                "embedded": {"kafka_controller_port": free_port()},
                "ingest": {"port": 0, "metrics_port": 0},
                "normalize": {"metrics_port": 0},
                "correlate": {"metrics_port": 0},
                "sink": {"metrics_port": 0},
                "watch": {"metrics_port": 0},
                "console": {"port": 0, "metrics_port": 0},
                **more,
            }
        )
    )


def test_the_defaults_are_fine_for_this_machine() -> None:
    assert list(objections(Settings())) == []
    ports = [port for _, _, port in listeners(Settings())]
    assert ports == [9092, 9093, 9000, 8123, 8080, 8090, 9100, 9101, 9102, 9103, 9104, 9105]


def test_settings_for_servers_elsewhere_are_refused_all_at_once(tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        kafka=KafkaSettings(bootstrap_servers="a:1,b:2", replication_factor=3),
        clickhouse=ClickHouseSettings(host="clickhouse.example.com", secure=True, http_port=0),
    )
    with pytest.raises(StartError) as raised:
        Stack(settings, print)
    assert [line.split("own: ")[1] for line in str(raised.value).splitlines()] == [
        "kafka.bootstrap_servers must be one address of this machine, as in 127.0.0.1:9092.",
        "kafka.replication_factor must be 1.",
        "clickhouse.host must be an address of this machine, as in 127.0.0.1.",
        "clickhouse.secure must be false.",
        "clickhouse.http_port must not be 0.",
    ]


@pytest.mark.parametrize(
    ("host", "ours"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("10.0.0.1", False), ("kafka", False)],
)
def test_addresses_of_this_machine(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours


def test_a_port_of_0_becomes_a_free_one() -> None:
    settings = free()
    ports = [port for _, _, port in listeners(settings)]
    assert 0 not in ports
    assert resolved(settings) == settings


@pytest.mark.parametrize("name", [name for name, _, _ in listeners(Settings())])
def test_each_taken_port_is_a_clear_sentence_and_nothing_is_started(name: str, tmp_path: Path) -> None:
    settings = free(data=tmp_path)
    host, port = next((host, port) for setting, host, port in listeners(settings) if setting == name)
    with socket.create_server((host, port)), pytest.raises(StartError) as raised:
        Stack(settings, print)
    assert str(raised.value) == (
        f"another program listens on {host}:{port}: stop it, or set {name} to another port."
    )
    assert list(tmp_path.iterdir()) == []


def test_one_port_for_two_servers_is_a_clear_sentence() -> None:
    port = free_port()
    settings = free(clickhouse={"port": port, "http_port": port})
    assert list(taken_ports(settings)) == [
        f"clickhouse.http_port and clickhouse.port are both {port}: change one"
    ]
