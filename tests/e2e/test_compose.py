"""The compose file, run: a callback posted to ingest comes out of ClickHouse as a call."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import clickhouse_driver
import httpx
import pytest
from testcontainers.compose import DockerCompose

from compose.demo_sources import CDR
from runtime.addresses import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = Path(__file__).parents[2] / "compose"
PATIENCE_SECONDS = 600  # images are fetched and built
PORTS = ("KAFKA_PORT", "CLICKHOUSE_PORT", "CLICKHOUSE_HTTP_PORT", "INGEST_PORT", "PROMETHEUS_PORT")
PASSWORD = "made-up"
T = TypeVar("T")

pytestmark = [pytest.mark.docker, pytest.mark.timeout(2 * PATIENCE_SECONDS)]


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Free ones, so that it runs beside a stack of the developer's own."""
    return {name: free_port() for name in PORTS}


@pytest.fixture(scope="module")
def stack(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerCompose]:
    variables = {"COMPOSE_PROJECT_NAME": "callweave-test", "CLICKHOUSE_PASSWORD": PASSWORD, **ports}
    env_file = tmp_path_factory.mktemp("compose") / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    # `up --wait` takes the end of a one-shot service for a failure in some versions: we wait ourselves
    with DockerCompose(
        FILES, compose_file_name="compose.yaml", build=True, wait=False, env_file=str(env_file)
    ) as running:
        yield running


def eventually(look: Callable[[], T | None]) -> T:
    """What `look` gives once it is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < deadline, "nothing came in time"
        time.sleep(1)


def test_a_callback_becomes_a_call(stack: DockerCompose, ports: dict[str, int]) -> None:
    base = f"http://127.0.0.1:{ports['INGEST_PORT']}"

    def ready() -> bool | None:
        try:
            return httpx.get(f"{base}/callbacks/none").status_code == httpx.codes.NOT_FOUND or None
        except httpx.TransportError:
            return None

    eventually(ready)
    add = ["source", "add", "acme", "--account", "acme", "--dialect", "common-api", "--timezone", "UTC"]
    command = [*stack.compose_command_property, "run", "--rm", "callweave", *add]
    url = subprocess.run(command, cwd=FILES, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert url.startswith(f"{base}/callbacks/")

    def accepted() -> bool | None:  # ingest takes a new source up within two seconds
        return httpx.post(url.strip(), json=CDR).status_code == httpx.codes.OK or None

    eventually(accepted)
    with clickhouse_driver.Client(
        "127.0.0.1", ports["CLICKHOUSE_PORT"], user="callweave", password=PASSWORD, database="callweave"
    ) as client:
        rows = eventually(lambda: client.execute("SELECT account, has_cdr FROM calls") or None)
    assert [(account, bool(has_cdr)) for account, has_cdr in rows] == [("acme", True)]
