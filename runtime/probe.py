"""Ask a stage what its probes say."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import orjson
from prometheus_client.parser import text_string_to_metric_families

from runtime.addresses import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.samples import Sample

SECONDS = 5.0


def ask(host: str, port: int, path: str, timeout: float = SECONDS) -> tuple[bool, bytes]:
    """Return whether the answer is 200, and its body; raise OSError or HTTPException when there is none."""
    client = http.client.HTTPConnection(reachable(host), port, timeout=timeout)
    try:
        client.request("GET", path)
        response = client.getresponse()
        return response.status == http.client.OK, response.read()
    finally:
        client.close()


def samples(page: bytes) -> Iterator[Sample]:
    """Return what a page of metrics has; raise ValueError for what is none."""
    for family in text_string_to_metric_families(page.decode()):
        yield from family.samples


def readiness(host: str, port: int, timeout: float = SECONDS) -> tuple[bool, str]:
    """Return whether a stage is ready; if not, what it says, or why there is no answer."""
    try:
        ready, body = ask(host, port, "/readyz", timeout)
    except (OSError, http.client.HTTPException):
        return False, f"nothing answers at {host}:{port}"
    try:
        return ready, str(orjson.loads(body).get("reason", ""))
    except (orjson.JSONDecodeError, AttributeError):
        return ready, ""


def is_callweave(host: str, port: int) -> bool:
    """Return whether what listens there is alive and part of callweave."""
    try:
        alive, _ = ask(host, port, "/healthz")
        return alive and b"callweave_" in ask(host, port, "/metrics")[1]
    except (OSError, http.client.HTTPException):
        return False
