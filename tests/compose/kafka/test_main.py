"""The node in the foreground: `python -m compose.embedded.kafka`."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runtime.addresses import free_port, listening
from tests.compose.kafka.conftest import JARS
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from compose.embedded.kafka import KafkaNode


def run(data: Path, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "compose.embedded.kafka", "--data", str(data), "--jars", str(JARS)]
    ports = ["--port", str(port), "--controller-port", str(free_port())]
    return subprocess.Popen(
        [*command, *ports], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def first_line(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(beginning):
            return line
    return ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    with run(tmp_path / "kafka", port) as process:
        line = first_line(process, "Kafka 4.3.1 answers")
        assert f"at 127.0.0.1:{port};" in line
        assert listening("127.0.0.1", port)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    assert not listening("127.0.0.1", port)
    assert "unregistered" in (tmp_path / "kafka" / "kafka.log").read_text()  # Kafka's own word at its end


def test_a_taken_port_is_one_line(tmp_path: Path, node: KafkaNode) -> None:
    with run(tmp_path / "kafka", node.port) as process:
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out == ""
    cure = "another program listens there: stop it, or choose another port."
    assert err.splitlines() == [f"Kafka needs 127.0.0.1:{node.port}, but {cure}"]


def test_the_broker_goes_with_it(tmp_path: Path) -> None:
    port = free_port()
    with run(tmp_path / "kafka", port) as process:
        assert first_line(process, "Kafka 4.3.1 answers")
        process.kill()
    with run(tmp_path / "kafka", port) as process:  # neither the port nor the folder is held
        assert first_line(process, "Kafka 4.3.1 answers")
        process.terminate()
        assert process.wait(PATIENCE) == 0
