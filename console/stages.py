"""What the stages say of themselves: their probes, and their metrics of what waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from runtime.addresses import written
from runtime.probe import ask, readiness

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """Messages that it has not worked on yet."""
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
        _, body = ask(host, port, "/metrics", SECONDS)
    except (OSError, HTTPException):
        return Stage(name, written(host, port), ready, why)
    known = dict(_samples(body.decode("utf-8", "replace")))
    lags = [value for (metric, _), value in known.items() if metric in LAGS]
    return Stage(
        name,
        written(host, port),
        ready,
        why,
        lag=int(sum(lags)) if lags else None,
        newest=max(
            (value for (metric, _), value in known.items() if metric == NEWEST and value), default=None
        ),
        spool_bytes=_one(known, SPOOL),
        audit_difference=_one(known, AUDIT),
    )


def _samples(text: str) -> Iterator[tuple[tuple[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield (sample.name, str(sorted(sample.labels.items()))), sample.value


def _one(known: dict[tuple[str, str], float], name: str) -> int | None:
    values = [value for (metric, _), value in known.items() if metric == name]
    return int(sum(values)) if values else None
