"""Find what prevents callweave from running here; each bad finding says what to do."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING

from ingest import spool
from operations import suspects
from runtime import clickhouse, sources, topics
from runtime.addresses import bind_error
from runtime.errors import CallweaveError
from runtime.probe import ask, is_callweave, samples
from sinks import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka.admin import KafkaAdminClient

    from runtime.settings import Settings
    from runtime.topics import TopicReport

LIMITED = "callweave_ingest_limited_total"
"""What the ingress counts its 429 in."""
MINIMUM_KAFKA = (4, 0)
PATIENCE_MS = 5000


@dataclass(frozen=True)
class Finding:
    subject: str
    good: bool
    text: str
    """A sentence; a bad finding also says what to do."""
    warns: bool = False
    """It prevents nothing, but somebody should know."""


class Bad(CallweaveError):
    """A check that failed."""


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check in turn; this takes seconds if a server does not answer."""
    yield _checked("sources", _sources, settings)
    yield from _spool(settings)
    yield from limited(settings)
    kafka = _checked("kafka", _kafka, settings)
    yield kafka
    if kafka.good:
        yield _checked("topics", _topics, settings)
    engine = _checked("clickhouse", _clickhouse, settings)
    yield engine
    if engine.good:
        migrations = _checked("migrations", _migrations, settings)
        yield migrations
        if migrations.good:
            yield _checked("ids", _ids, settings)
    yield from _ports(settings)


def _checked(subject: str, check: Callable[[Settings], str | Finding], settings: Settings) -> Finding:
    """Turn what a check returns or raises into a finding."""
    try:
        found = check(settings)
    except CallweaveError as error:
        return Finding(subject, good=False, text=str(error))
    return found if isinstance(found, Finding) else Finding(subject, good=True, text=found)


def _sources(settings: Settings) -> str:
    path = settings.sources_file
    active = [source.name for source in sources.load(path) if source.active]
    if not active:
        raise Bad(f"{path} has no source: add one with `callweave source add`, or correct sources_file.")
    return f"{path} has {', '.join(active)}."


def _kafka(settings: Settings) -> str:
    where = f"Kafka at {settings.kafka.bootstrap_servers}"
    with topics.admin(settings.kafka, patience_ms=PATIENCE_MS) as client:
        version = _kafka_version(client)
    if version < MINIMUM_KAFKA:
        raise Bad(f"{where} is older than 4.0 (it speaks as {dotted(version)}): upgrade all of its brokers.")
    return f"{where} answers, version {dotted(version)} or later."


def _kafka_version(client: KafkaAdminClient) -> tuple[int, ...]:
    """Guess the oldest broker's version from the requests that it supports."""
    brokers = client.describe_cluster()["brokers"]
    versions = (client.get_broker_version_data(broker["broker_id"]).broker_version for broker in brokers)
    return min(tuple(version) for version in versions)


def _topics(settings: Settings) -> Finding:
    return topics_finding(topics.inspect(settings))


def topics_finding(reports: list[TopicReport]) -> Finding:
    """Report what is missing, takes no messages now, or differs."""
    missing = [report.name for report in reports if report.missing]
    if missing:
        text = f"{', '.join(missing)} are missing: run `callweave topics`."
        return Finding("topics", good=False, text=text)
    halted = "; ".join(
        f"{report.name}: {', '.join(map(str, report.halted))}" for report in reports if report.halted
    )
    if halted:
        text = (
            f"some partitions take no messages ({halted}): they have no leader, or too few copies in sync. "
            "Start the brokers that hold them."
        )
        return Finding("topics", good=False, text=text)
    differing = "; ".join(f"{report.name}: {report.differences}" for report in reports if report.drifts)
    if any(report.breaks for report in reports):
        text = f"they differ in a way that breaks the pipeline ({differing}): see `callweave topics`."
        return Finding("topics", good=False, text=text)
    if any(report.loses for report in reports):
        text = f"messages may be gone before they are read ({differing}): see `callweave topics`."
        return Finding("topics", good=True, text=text, warns=True)
    text = f"all {len(reports)} are there{f', but differ: {differing}' if differing else ''}."
    return Finding("topics", good=True, text=text)


def _clickhouse(settings: Settings) -> str:
    where = f"ClickHouse at {settings.clickhouse.host}:{settings.clickhouse.port}"
    # Our own database may not exist before the first migration.
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        version = clickhouse.version(client)
    if version[:2] < clickhouse.MINIMUM_VERSION:
        least = dotted(clickhouse.MINIMUM_VERSION)
        raise Bad(f"{where} is {dotted(version)}: upgrade it to {least} or later.")
    return f"{where} answers, version {dotted(version)}."


def _migrations(settings: Settings) -> str:
    pending = migrate.pending(settings)
    if pending:
        raise Bad(f"{', '.join(pending)} not applied: run `callweave migrate`.")
    return "all are applied."


def _ids(settings: Settings) -> str:
    found = suspects.found(settings)
    if found:
        raise Bad(suspects.sentence(found))
    return "no id ties too many calls together."


def _spool(settings: Settings) -> Iterator[Finding]:
    """Report what waits on this machine for Kafka."""
    folder = settings.spool_folder()
    if folder is None:
        return
    try:
        standing = spool.counted(folder)
    except OSError as error:
        text = f"{folder} can't be read ({error.strerror}): let this user read it."
        yield Finding("spool", good=False, text=text)
        return
    if broken := sorted(path.name for path in folder.glob(f"*{spool.BROKEN}")):
        text = f"{folder} has what can't be published: look at {', '.join(broken)}, then remove it."
        yield Finding("spool", good=False, text=text)
    elif standing:
        yield Finding("spool", good=True, text=f"{standing} callbacks wait in {folder} for Kafka.")


def limited(settings: Settings) -> Iterator[Finding]:
    """The sources that sent more than they may since the ingress on this machine began."""
    host, port = settings.metrics_host, settings.ingest.metrics_port
    try:
        _, text = ask(host, port, "/metrics")
        found = list(samples(text))
    except (OSError, HTTPException, ValueError):
        return  # none runs here, or something else does: the line of the port says so
    for sample in found:
        if sample.name == LIMITED and sample.value:
            name = sample.labels["source"]
            text_of = (
                f"{name} reached its limit: {sample.value:.0f} requests were answered with 429 since the "
                f"ingress began; `callweave source change {name} --requests-per-second` raises it."
            )
            yield Finding("limits", good=True, text=text_of)


def _ports(settings: Settings) -> Iterator[Finding]:
    for name, host, port in settings.listeners():
        stage, _, setting = name.partition(".")
        # what a stage serves to others does not say who it is: its probes do
        probes = port if setting == "metrics_port" else getattr(settings, stage).metrics_port
        if port:
            yield port_finding(name, host, port, (settings.metrics_host, probes))


def port_finding(name: str, host: str, port: int, probes: tuple[str, int]) -> Finding:
    """Report whether a stage could listen on a port, or already does by what its probes' address answers."""
    refused = bind_error(host, port)
    if refused is None:
        return Finding(name, good=True, text=f"{host}:{port} is free.")
    if refused == errno.EADDRINUSE and is_callweave(*probes):
        return Finding(name, good=True, text=f"{host}:{port} is in use by a running callweave.")
    why = "another program listens there" if refused == errno.EADDRINUSE else os.strerror(refused)
    return Finding(name, good=False, text=f"{host}:{port} can't be had: {why}: free it, or change {name}.")


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
