"""What the ingress counts. Labels are sources, answers, statuses and codes: never tokens or numbers."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from runtime.metrics import NAMESPACE

ANSWERED = Counter(
    "ingest_callbacks",
    "Callbacks read, by source and answer: accepted (200), rejected (400), unacknowledged (503).",
    ("source", "answer"),
    namespace=NAMESPACE,
)
REASONS = Counter(
    "ingest_rejected_reasons", "Reasons of callbacks rejected with 400.", ("code",), namespace=NAMESPACE
)
REFUSED = Counter(
    "ingest_refused",
    "Requests refused, by status; 400 for a body that broke off, too.",
    ("status",),
    namespace=NAMESPACE,
)
SENDERS = Counter(
    "ingest_sender_refused",
    "Requests answered 401, by source and what failed: network, credentials, signature, time.",
    ("source", "why"),
    namespace=NAMESPACE,
)
LIMITED = Counter(
    "ingest_limited",
    "Requests answered 429, since the source sent more than it may.",
    ("source",),
    namespace=NAMESPACE,
)
FAILED = Counter(
    "ingest_failed",
    "Requests, or attempts to keep callbacks, that met a defect of our own; the log says where.",
    namespace=NAMESPACE,
)
PUBLISH_SECONDS = Histogram(
    "ingest_publish_seconds",
    "From a callback read to its acknowledgement by the broker.",
    namespace=NAMESPACE,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
IN_FLIGHT = Gauge("ingest_in_flight", "Callbacks being worked on now.", namespace=NAMESPACE)
BROKER_UP = Gauge("ingest_broker_up", "1 while the broker answers, 0 while it does not.", namespace=NAMESPACE)
SPOOLED = Counter(
    "ingest_spooled", "Callbacks kept on the disk, since the broker did not acknowledge.", namespace=NAMESPACE
)
SPOOL_PUBLISHED = Counter(
    "ingest_spool_published", "Callbacks of the spool that the broker has acknowledged.", namespace=NAMESPACE
)
SPOOL_BYTES = Gauge("ingest_spool_bytes", "What stands in the spool's folder.", namespace=NAMESPACE)
SPOOL_AGE = Gauge(
    "ingest_spool_age_seconds",
    "Since the oldest file of the spool was begun, 0 while there is none.",
    namespace=NAMESPACE,
)
SOURCES_STALE = Gauge(
    "ingest_sources_stale",
    "1 while the sources file is broken and its last good version is in use.",
    namespace=NAMESPACE,
)


@cache  # as many as there are sources, times three
def answered(source: str, answer: str) -> Counter:
    """Return the counter of a source and answer; finding it by labels takes longer than counting."""
    return ANSWERED.labels(source, answer)
