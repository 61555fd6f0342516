"""How clients reach Kafka: the options that kafka-python's producers, consumers and admins share, and TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

from kafka.partitioner.abc import Partitioner

from runtime.departures import depart
from schemas.topics import partition_of

if TYPE_CHECKING:
    from runtime.settings import KafkaSettings

depart()


class ByKey(Partitioner):  # type: ignore[misc] # kafka-python has no types
    """Partitions messages of legs by key; kafka-python's own choice would separate a leg from its state."""

    def partition(self, topic: str, *message: Any) -> int:
        """Choose; kafka-python gives key and value, each as they are and serialized, and its cluster."""
        _, serialized_key, _, _, cluster = message
        return partition_of(serialized_key, len(cluster.partitions_for_topic(topic)))


def client_options(settings: KafkaSettings) -> dict[str, object]:
    """Keyword arguments for any of kafka-python's clients. They hold the password: never log them."""
    options: dict[str, object] = {
        "bootstrap_servers": settings.servers,
        "security_protocol": settings.security_protocol,
        # A broker that comes back is found again within a second, not within half a minute.
        "reconnect_backoff_max_ms": 1000,
    }
    if settings.logs_in:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = settings.password
    if (context := ssl_context(settings)) is not None:
        options["ssl_context"] = context
    return options


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Return the TLS context, None without encryption; raises OSError for files without certificates."""
    if not settings.encrypts:
        return None
    context = ssl.create_default_context(cafile=settings.ssl_cafile)
    if settings.ssl_certfile is not None:
        context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile)
    return context
