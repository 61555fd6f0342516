"""Create the topics of `schemas.topics` that are missing, and report how others differ.

Nothing that exists is changed: more partitions would separate events from links of the same leg, and
retention may be an operator's decision.
"""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    InvalidReplicationFactorError,
    KafkaError,
    KafkaTimeoutError,
    NoError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
    UnsupportedSaslMechanismError,
    for_code,
)

from runtime.errors import StartError
from runtime.kafka import client_options
from runtime.tls import distrust
from schemas.topics import CHANGELOG_CONFIG, SPECS, insync_replicas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime.settings import KafkaSettings, Settings

BOOTSTRAP_MS = 10_000
ASK_MS = 2_000
CREATE_MS = 30_000
POLL_SECONDS = 0.2
FOR_EVER = "-1"
"""As `retention.ms`."""


class Effect(Enum):
    """How bad it is that a topic differs from ours."""

    NOTHING = "nothing"
    LOSES = "loses"
    """Messages may be gone before a stage has read them; it may be deliberate."""
    BREAKS = "breaks"
    """It stops a stage, or makes wrong rows."""


@dataclass(frozen=True)
class TopicState:
    """A topic on the cluster, as it is or should be."""

    partitions: int
    replication: int
    config: Mapping[str, str]
    halted: tuple[int, ...] = ()
    """Partitions that take no message now: without a leader, or with fewer copies in sync than they need."""


@dataclass(frozen=True)
class Drift:
    """One difference between a topic and what the settings and `schemas.topics` want."""

    setting: str
    found: str
    wanted: str
    effect: Effect

    def __str__(self) -> str:
        return f"{self.setting} is {self.found}, not {self.wanted}"


@dataclass(frozen=True)
class TopicReport:
    name: str
    """With the prefix."""
    missing: bool
    """It did not exist before."""
    drifts: tuple[Drift, ...] = ()
    halted: tuple[int, ...] = ()
    """Partitions that take no message now."""

    @property
    def breaks(self) -> bool:
        return any(drift.effect is Effect.BREAKS for drift in self.drifts)

    @property
    def loses(self) -> bool:
        """Whether messages may be gone before a stage has read them, and it may be deliberate."""
        return any(drift.effect is Effect.LOSES for drift in self.drifts)

    @property
    def differences(self) -> str:
        """All of them; '' for none."""
        return ", ".join(map(str, self.drifts))


def wanted(settings: KafkaSettings) -> dict[str, TopicState]:
    """Return our topics as they should be, by their names on the cluster."""
    durable = {"min.insync.replicas": str(insync_replicas(settings.replication_factor))}
    return {
        settings.topic(spec.topic): TopicState(
            settings.partitions, settings.replication_factor, {**spec.config, **durable}
        )
        for spec in SPECS.values()
    }


def _with_changelog(settings: KafkaSettings) -> dict[str, TopicState]:
    durable = {"min.insync.replicas": str(insync_replicas(settings.replication_factor))}
    changelog = TopicState(settings.partitions, settings.replication_factor, {**CHANGELOG_CONFIG, **durable})
    return {**wanted(settings), settings.changelog: changelog}


def compare(wish: Mapping[str, TopicState], found: Mapping[str, TopicState]) -> list[TopicReport]:
    """Return a report for each wanted topic, in that order."""
    return [
        TopicReport(name, missing=False, drifts=tuple(_drifts(state, found[name])), halted=found[name].halted)
        if name in found
        else TopicReport(name, missing=True)
        for name, state in wish.items()
    ]


def _drifts(wish: TopicState, found: TopicState) -> Iterator[Drift]:
    if found.partitions != wish.partitions:
        yield Drift("partitions", str(found.partitions), str(wish.partitions), Effect.BREAKS)
    if found.replication != wish.replication:
        effect = Effect.LOSES if found.replication < wish.replication else Effect.NOTHING
        yield Drift("replication factor", str(found.replication), str(wish.replication), effect)
    for key, value in wish.config.items():
        is_now = found.config.get(key, "")
        if is_now != value:
            yield Drift(key, is_now, value, _effect(key, is_now, value))


def _effect(key: str, found: str, wish: str) -> Effect:
    match key:
        case "cleanup.policy":
            return Effect.BREAKS
        case "max.message.bytes" if _is_below(found, wish):
            return Effect.BREAKS
        case "retention.ms" if found != FOR_EVER and _is_below(found, wish):
            return Effect.LOSES
        case "min.insync.replicas" if _is_below(found, wish):
            return Effect.LOSES
        case "retention.bytes" | "unclean.leader.election.enable":
            return Effect.LOSES
        case _:
            return Effect.NOTHING


def _is_below(found: str, wish: str) -> bool:
    return not found.isdigit() or int(found) < int(wish)


def inspect(settings: Settings) -> list[TopicReport]:
    """Compare without changing anything; raise `StartError` when Kafka can't be asked.

    The changelog is among them once correlate has made it.
    """
    with admin(settings.kafka) as client:
        return _compared(client, settings.kafka)


def _compared(client: KafkaAdminClient, settings: KafkaSettings) -> list[TopicReport]:
    wish = _with_changelog(settings)
    reports = compare(wish, _found(client, list(wish)))
    return [report for report in reports if not (report.missing and report.name == settings.changelog)]


def missing(settings: KafkaSettings, names: list[str]) -> list[str]:
    """Return which of these topics do not exist; raise `StartError` when Kafka can't be asked."""
    with admin(settings, patience_ms=ASK_MS) as client:
        there = _described(client, names)
        return [name for name in names if name not in there]


def ensure(settings: Settings) -> list[TopicReport]:
    """Create the missing topics and wait until they can be used; raise `StartError`. Idempotent."""
    with admin(settings.kafka) as client:
        wish = wanted(settings.kafka)
        reports = _compared(client, settings.kafka)
        missing = {report.name: wish[report.name] for report in reports if report.missing}
        if missing:
            _create(client, missing)
            client.wait_for_topics(list(missing), timeout_ms=CREATE_MS)
        return reports


@contextmanager
def admin(settings: KafkaSettings, *, patience_ms: int = BOOTSTRAP_MS) -> Iterator[KafkaAdminClient]:
    """Make a client for the cluster; if Kafka refuses, raise a `StartError` that says what to do."""
    client = None
    try:
        # A client that finds no broker leaves its thread and its sockets behind (kafka-python 3.0.12).
        await_listener(settings, patience_ms / 1000)
        if (distrusted := certificate_trouble(settings)) is not None:
            raise StartError(distrusted)
        client = KafkaAdminClient(**client_options(settings), bootstrap_timeout_ms=patience_ms)
        yield client
    except (KafkaError, OSError) as error:  # OSError: nobody listens, or a certificate file is not one
        raise StartError(trouble(settings, error)) from None
    finally:
        if client is not None:
            client.close()


def await_listener(settings: KafkaSettings, patience_seconds: float) -> None:
    """Return once one of the first brokers accepts a connection; else raise the last OSError."""
    deadline = time.monotonic() + patience_seconds
    while True:
        last = OSError()
        for address in settings.addresses():
            try:
                socket.create_connection(address, timeout=max(0.1, deadline - time.monotonic())).close()
            except OSError as error:
                last = error
            else:
                return
        if time.monotonic() > deadline:
            raise last
        time.sleep(POLL_SECONDS)


def certificate_trouble(settings: KafkaSettings) -> str | None:
    """Say which broker's certificate is not trusted and what to do; None if all are trusted."""
    if not settings.security_protocol.endswith("SSL"):
        return None
    for host, port in settings.addresses():
        if (reason := distrust(host, port, settings.ssl_cafile)) is not None:
            return (
                f"Kafka at {host}:{port} shows a certificate that is not trusted ({reason}): set "
                "kafka.ssl_cafile to the certificate of its authority, and kafka.bootstrap_servers to a name "
                "that it is made for."
            )
    return None


def trouble(settings: KafkaSettings, error: Exception) -> str:
    """Describe what went wrong with Kafka and what to do, in one sentence."""
    where = f"Kafka at {settings.bootstrap_servers}"
    if isinstance(error, SaslAuthenticationFailedError | UnsupportedSaslMechanismError):
        return (
            f"{where} refuses the login: check kafka.sasl_username, kafka.sasl_password and "
            "kafka.sasl_mechanism."
        )
    if isinstance(error, AuthorizationError):
        return f"{where} does not allow this ({type(error).__name__}): grant it to our user."
    if isinstance(error, InvalidReplicationFactorError):
        return (
            f"{where} has too few brokers for kafka.replication_factor = {settings.replication_factor}: "
            "start more, or lower it."
        )
    if (distrusted := certificate_trouble(settings)) is not None:
        return distrusted
    if isinstance(error, KafkaTimeoutError):
        return (
            f"{where} does not answer in time: start it or, if it runs, ask `callweave doctor` whether each "
            "partition has a leader."
        )
    return (
        f"{where} does not answer ({type(error).__name__}): start it (`make run` has one), "
        "or correct kafka.bootstrap_servers and kafka.security_protocol."
    )


def _described(client: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    return {
        topic["name"]: topic
        for topic in client.describe_topics(names)
        if for_code(topic["error_code"]) is NoError
    }


def _found(client: KafkaAdminClient, names: list[str]) -> dict[str, TopicState]:
    described = _described(client, names)
    if not described:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    return {name: _state(topic, configs.get(name, {})) for name, topic in described.items()}


def _state(topic: dict[str, Any], config: dict[str, Any]) -> TopicState:
    partitions = topic["partitions"]
    replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    values = {key: str(entry["value"]) for key, entry in config.items()}
    least = int(values.get("min.insync.replicas", "1"))
    halted = [each["partition_index"] for each in partitions if _is_halted(each, least)]
    return TopicState(len(partitions), replication, values, tuple(sorted(halted)))


def _is_halted(partition: dict[str, Any], least: int) -> bool:
    return partition["leader_id"] < 0 or len(partition["isr_nodes"]) < least


def _create(client: KafkaAdminClient, topics: dict[str, TopicState]) -> None:
    requests = {
        name: {
            "num_partitions": state.partitions,
            "replication_factor": state.replication,
            "configs": dict(state.config),
        }
        for name, state in topics.items()
    }
    response = client.create_topics(requests, timeout_ms=CREATE_MS, raise_errors=False)
    for topic in response["topics"]:
        error = for_code(topic["error_code"])
        # another process may have created it at the same time
        if error not in {NoError, TopicAlreadyExistsError}:
            raise error
