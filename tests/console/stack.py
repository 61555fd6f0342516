"""The pipeline with its console, users of ClickHouse with roles, and a browser to look with."""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from compose.embedded.clickhouse.node import ClickHouseNode
from runtime import sources
from runtime.addresses import free_port
from runtime.clickhouse import connected
from runtime.settings import ClickHouseSettings
from tests.pipeline import Pipeline, Worker
from tests.servers import NO_TLS, eventually, new_settings, prepared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings

ROLES = Path(__file__).parents[2] / "compose" / "access.sql"
OPERATOR, MASKED, PASSWORD = "otto", "ana", "a made-up password"
PEOPLE = f"""
[{OPERATOR}]
password = "{PASSWORD}"
roles = ["analyst", "operator"]

[{MASKED}]
password = "{PASSWORD}"
roles = ["masked"]
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SOURCE = "acme-pbx"


@contextmanager
def clickhouse(folder: Path) -> Iterator[ClickHouseNode]:
    """With the roles of `compose/access.sql`, on the database that it names."""
    people = folder / "people.toml"
    people.write_text(PEOPLE)
    with ClickHouseNode(
        folder / "clickhouse", port=free_port(), http_port=free_port(), people=people, roles=ROLES
    ) as node:
        yield node


def empty(node: ClickHouseNode) -> None:
    """Begin anew: the roles are on this one database."""
    with connected(ClickHouseSettings(host=node.host, port=node.port), database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {node.database}")


def settings_of(kafka: str, node: ClickHouseNode, folder: Path, **console: Any) -> Settings:
    """Of a pipeline whose console asks everybody to sign in, unless `console` says otherwise."""
    settings = new_settings(kafka, node.address, folder)
    return settings.model_copy(
        update={
            "clickhouse": settings.clickhouse.model_copy(update={"database": node.database}),
            "console": settings.console.model_copy(update={"sign_in": "always"} | console),
        }
    )


@dataclass
class Running:
    settings: Settings
    urls: dict[str, str]
    """Callback URLs by source."""

    @property
    def url(self) -> str:
        return self.settings.console.base_url

    def post(self, payload: dict[str, Any] | bytes, source: str = SOURCE) -> int:
        """Send a callback; gives the answer's status."""
        body = {"content": payload} if isinstance(payload, bytes) else {"json": payload}
        headers = {"Content-Type": "application/json"}
        answer = httpx.post(self.urls[source], headers=headers, verify=NO_TLS, timeout=10, **body)
        return answer.status_code


@contextmanager
def running(kafka: str, node: ClickHouseNode, folder: Path, **console: Any) -> Iterator[Running]:
    """All stages and the console."""
    settings = prepared(settings_of(kafka, node, folder, **console))
    token = sources.add(settings.sources_file, SOURCE, "acme", "common-api", "UTC")
    with Pipeline(settings, folder) as pipeline:
        probes = ",".join(f"{name}=127.0.0.1:{each.port}" for name, each in pipeline.workers.items())
        asked = settings.console.model_copy(update={"probes": probes})
        settings = settings.model_copy(update={"console": asked})
        console_worker = Worker("console", settings, folder / "console.log")
        console_worker.start()
        try:
            eventually(console_worker.ready, "the console is ready")
            yield Running(settings, {SOURCE: settings.ingest.callback_url(token)})
        finally:
            console_worker.kill()


def ring(number: str, leg: str, **said: Any) -> dict[str, Any]:
    """An inbound call that rings, as common-api tells it."""
    return {
        "uuid": leg,
        "buuid": leg,
        "status": "ring",
        "type": "call",
        "direction": "callin",
        "caller": number,
        "callee": "2190240001",
        "disnumber": "2190240001",
        "extnumber": "8001",
        "starttime": str(int(time.time())),
        "isbleg": "false",
        **said,
    }
