"""Find what prevents callweave from running here; each bad finding says what to do."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime import clickhouse, sources, topics
from runtime.addresses import bind_error
from runtime.errors import CallweaveError, StartError
from runtime.probe import is_callweave
from sinks import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka.admin import KafkaAdminClient

    from runtime.settings import Settings

MINIMUM_KAFKA = (4, 0)
PATIENCE_MS = 5000


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    subject: str
    good: bool
    text: str
    """A sentence; a bad finding also says what to do."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check, one after the other; takes seconds if a server does not answer."""
    yield _sources(settings)
    kafka = _kafka(settings)
    yield kafka
    if kafka.good:
        yield from _guarded("topics", lambda: _topics(settings))
    engine = _clickhouse(settings)
    yield engine
    if engine.good:
        yield from _guarded("migrations", lambda: _migrations(settings))
    yield from _ports(settings)


def _guarded(subject: str, check: Callable[[], Finding]) -> Iterator[Finding]:
    try:
        yield check()
    except CallweaveError as error:
        yield Finding(subject, good=False, text=str(error))


def _sources(settings: Settings) -> Finding:
    path = settings.sources_file
    try:
        active = [source.name for source in sources.load(path) if source.active]
    except CallweaveError as error:
        return Finding("sources", good=False, text=str(error))
    if not active:
        advice = "add one with `callweave source add`, or correct sources_file."
        return Finding("sources", good=False, text=f"{path} has no source: {advice}")
    return Finding("sources", good=True, text=f"{path} has {', '.join(active)}.")


def _kafka(settings: Settings) -> Finding:
    where = f"Kafka at {settings.kafka.bootstrap_servers}"
    try:
        with topics.admin(settings.kafka, patience_ms=PATIENCE_MS) as client:
            version = _kafka_version(client)
    except StartError as error:
        return Finding("kafka", good=False, text=str(error))
    if version < MINIMUM_KAFKA:
        text = f"{where} is older than 4.0 (it speaks as {dotted(version)}): upgrade all of its brokers."
        return Finding("kafka", good=False, text=text)
    return Finding("kafka", good=True, text=f"{where} answers, version {dotted(version)} or later.")


def _kafka_version(client: KafkaAdminClient) -> tuple[int, ...]:
    """The oldest broker's version, as far as the requests that it supports reveal it."""
    brokers = client.describe_cluster()["brokers"]
    versions = (client.get_broker_version_data(broker["broker_id"]).broker_version for broker in brokers)
    return min(tuple(version) for version in versions)


def _topics(settings: Settings) -> Finding:
    reports = topics.inspect(settings)
    missing = [report.name for report in reports if report.missing]
    if missing:
        text = f"{', '.join(missing)} are missing: run `callweave topics`."
        return Finding("topics", good=False, text=text)
    broken = [report.name for report in reports if report.breaks]
    if broken:
        text = f"{', '.join(broken)} differ from the settings: see `callweave topics`."
        return Finding("topics", good=False, text=text)
    return Finding("topics", good=True, text=f"all {len(reports)} are there.")


def _clickhouse(settings: Settings) -> Finding:
    where = f"ClickHouse at {settings.clickhouse.host}:{settings.clickhouse.port}"
    try:
        # Our own database may not exist before the first migration.
        with clickhouse.connected(settings.clickhouse, database="default") as client:
            version = clickhouse.version(client)
    except StartError as error:
        return Finding("clickhouse", good=False, text=str(error))
    if version[:2] < clickhouse.MINIMUM_VERSION:
        text = f"{where} is {dotted(version)}: upgrade it to {dotted(clickhouse.MINIMUM_VERSION)} or later."
        return Finding("clickhouse", good=False, text=text)
    return Finding("clickhouse", good=True, text=f"{where} answers, version {dotted(version)}.")


def _migrations(settings: Settings) -> Finding:
    pending = migrate.pending(settings)
    if pending:
        text = f"{', '.join(pending)} not applied: run `callweave migrate`."
        return Finding("migrations", good=False, text=text)
    return Finding("migrations", good=True, text="all are applied.")


def _ports(settings: Settings) -> Iterator[Finding]:
    for name, host, port in settings.listeners():
        if port:
            yield port_finding(name, host, port)


def port_finding(name: str, host: str, port: int) -> Finding:
    """Whether a stage could listen there, or one already does."""
    refused = bind_error(host, port)
    if refused is None:
        return Finding(name, good=True, text=f"{host}:{port} is free.")
    if refused == errno.EADDRINUSE and is_callweave(host, port):
        return Finding(name, good=True, text=f"{host}:{port} is held by a callweave that runs.")
    why = "another program listens there" if refused == errno.EADDRINUSE else os.strerror(refused)
    return Finding(name, good=False, text=f"{host}:{port} can't be had: {why}: free it, or change {name}.")


def dotted(version: tuple[int, ...]) -> str:
    """For people."""
    return ".".join(map(str, version))
