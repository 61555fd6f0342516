"""The embedded ClickHouse server as a process to start and stop."""

from __future__ import annotations

import http.client
import os
import sys
from typing import TYPE_CHECKING

from compose.embedded.locks import lock_data
from compose.embedded.node import Node

if TYPE_CHECKING:
    from pathlib import Path


class ClickHouseNode(Node):
    name = "ClickHouse"

    def __init__(
        self,
        data: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 9000,
        http_port: int = 8123,
        database: str = "callweave",
        people: Path | None = None,
        roles: Path | None = None,
    ) -> None:
        """`database` is created if missing, and is every client's default.

        `people` and `roles` are files, of users beside the owner and of what they may do.
        """
        super().__init__(data, host)
        self.port = port
        self.http_port = http_port
        self.database = database
        self._more = [*_given("--people", people), *_given("--roles", roles)]

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.http_port}"

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "compose.embedded.clickhouse", "--data", str(self.data)),
            *("--host", self.host, "--port", str(self.port), "--http-port", str(self.http_port)),
            *("--database", self.database),
            *self._more,
        ]

    def ports(self) -> list[int]:
        return [self.port, self.http_port]

    def prepare(self) -> None:
        """Fail with one sentence if another process has the data."""
        os.close(lock_data(self.name, self.data))

    def ready(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=5)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().read() == b"Ok.\n"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _given(option: str, path: Path | None) -> list[str]:
    return [] if path is None else [option, str(path)]
