"""What `watch` measures. Labels are sources, stages, kinds and outcomes: never ids, tokens or numbers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from runtime.metrics import NAMESPACE

ALERTS = Gauge(
    "watch_alert",
    "1 while an alert is raised, 0 once it was cleared, by kind and by the source or stage it is about.",
    ("kind", "source"),
    namespace=NAMESPACE,
)
SILENT = Gauge(
    "watch_silent_seconds", "Since the newest callback of a source.", ("source",), namespace=NAMESPACE
)
SILENT_ALLOWED = Gauge(
    "watch_silent_allowed_seconds",
    "The longest silence of a source that its rhythm ever explains; by the hour it is mostly less.",
    ("source",),
    namespace=NAMESPACE,
)
REJECTED = Gauge(
    "watch_rejected_share",
    "Share of a source's callbacks of the last hour that were rejected.",
    ("source",),
    namespace=NAMESPACE,
)
DOUBTFUL = Gauge(
    "watch_doubtful_share",
    "Share of a source's events of the last hour with a field that could not be read.",
    ("source",),
    namespace=NAMESPACE,
)
DIFFERENCE = Gauge(
    "watch_audit_difference",
    "Callbacks of a source of the last hours that are missing though nothing is on its way.",
    ("source",),
    namespace=NAMESPACE,
)
AUDITED = Gauge(
    "watch_audit_timestamp_seconds",
    "When an audit last had a result; while stages are at work it has none.",
    namespace=NAMESPACE,
)
FRESHNESS = Histogram(
    "watch_freshness_seconds",
    "From sending a callback of our own by HTTP until SQL shows its event.",
    namespace=NAMESPACE,
    buckets=(0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0),
)
FRESH = Gauge(
    "watch_freshness_timestamp_seconds",
    "When the newest callback of our own that SQL shows was sent; its age tells how fresh everything is.",
    namespace=NAMESPACE,
)
LAG = Gauge(
    "watch_lag_messages",
    "Messages that a stage has not worked off, over all topics and partitions.",
    ("stage",),
    namespace=NAMESPACE,
)
SPOOL = Gauge("watch_spool_bytes", "What the spools of all ingresses hold.", namespace=NAMESPACE)
CHECKED = Gauge(
    "watch_checked_timestamp_seconds", "When a check last came to its end.", ("check",), namespace=NAMESPACE
)
FAILED = Counter(
    "watch_failed_checks", "Checks that came to no result, by check.", ("check",), namespace=NAMESPACE
)
POSTED = Counter(
    "watch_webhook_posts",
    "Attempts to tell the webhook, by outcome: told, refused, failed.",
    ("outcome",),
    namespace=NAMESPACE,
)
