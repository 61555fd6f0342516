"""What the stages say of themselves: their probes, and their metrics of what waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from runtime.addresses import written
from runtime.probe import ask, readiness, samples

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from runtime.settings import Settings

SECONDS = 1.0
"""How long a stage may take to answer."""
LAGS = frozenset({"callweave_consumer_lag", "callweave_sink_lag_messages"})
NEWEST = "callweave_sink_newest_received_timestamp_seconds"
SPOOL = "callweave_ingest_spool_bytes"
AUDIT = "callweave_watch_audit_difference"


@dataclass(frozen=True)
class Stage:
    name: str
    address: str
    is_ready: bool
    why: str
    """Why it is not, in a sentence."""
    lag: int | None = None
    """Messages that it has not processed yet."""
    newest: float | None = None
    """When the newest of what it wrote was received, seconds since 1970."""
    spool_bytes: int | None = None
    audit_difference: int | None = None


def asked(settings: Settings) -> list[Stage]:
    """Each stage, in the order of the flow; all are asked at once."""
    places = settings.probes()
    with ThreadPoolExecutor(max_workers=max(1, len(places))) as pool:
        return list(pool.map(lambda place: _stage(*place), places))


def _stage(name: str, host: str, port: int) -> Stage:
    ready, why = readiness(host, port, SECONDS)
    try:
        known = list(samples(ask(host, port, "/metrics", SECONDS)[1]))
    except (OSError, HTTPException, ValueError):
        return Stage(name, written(host, port), ready, why)
    lags = [sample.value for sample in known if sample.name in LAGS]
    return Stage(
        name,
        written(host, port),
        ready,
        why,
        lag=int(sum(lags)) if lags else None,
        newest=max(
            (sample.value for sample in known if sample.name == NEWEST and sample.value), default=None
        ),
        spool_bytes=_one(known, SPOOL),
        audit_difference=_one(known, AUDIT),
    )


def _one(known: list[Sample], name: str) -> int | None:
    values = [sample.value for sample in known if sample.name == name]
    return int(sum(values)) if values else None
