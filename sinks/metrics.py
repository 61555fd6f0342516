"""What the sink counts. Labels are tables, topics, partitions and codes: never ids, tokens or numbers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from runtime.metrics import NAMESPACE

ROWS = Counter("sink_rows", "Rows inserted, by table.", ("table",), namespace=NAMESPACE)
MESSAGES = Counter("sink_messages", "Messages whose rows are in, by topic.", ("topic",), namespace=NAMESPACE)
POISON = Counter(
    "sink_poison",
    "Messages that can't be read or held by a column, by topic and reason: they are in dead_letters.",
    ("topic", "code"),
    namespace=NAMESPACE,
)
INSERT_SECONDS = Histogram(
    "sink_insert_seconds",
    "Of one insert into one table.",
    ("table",),
    namespace=NAMESPACE,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
RECALL_SECONDS = Histogram(
    "sink_recall_seconds",
    "Of one look-up of the legs whose state began with nothing.",
    namespace=NAMESPACE,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
RECALLED = Counter(
    "sink_recalled_legs",
    "Legs of which correlate had forgotten what the tables know: their events were sent back.",
    namespace=NAMESPACE,
)
BATCH_MESSAGES = Histogram(
    "sink_batch_messages",
    "Messages in one batch.",
    namespace=NAMESPACE,
    buckets=(1, 10, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000),
)
AGE_SECONDS = Histogram(
    "sink_row_age_seconds",
    "From the receipt of what a batch's oldest row tells of, by the ingress, until the row was in.",
    ("table",),
    namespace=NAMESPACE,
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
NEWEST = Gauge(
    "sink_newest_received_timestamp_seconds",
    "When the newest of what this worker's rows tell of was received; its age tells how fresh the table is.",
    ("table",),
    namespace=NAMESPACE,
)
ERRORS = Counter(
    "sink_errors",
    "Failed attempts, by what was attempted (insert, commit, poll) and the error's name or code.",
    ("attempt", "error"),
    namespace=NAMESPACE,
)
LAG = Gauge(
    "sink_lag_messages",
    "Messages of a partition that are not in ClickHouse yet: its end less the committed offset.",
    ("topic", "partition"),
    namespace=NAMESPACE,
)
READY = Gauge("sink_ready", "1 while rows can be written, 0 while they can't.", namespace=NAMESPACE)

BATCH_STUCK_SECONDS = Gauge(
    "sink_same_batch_seconds",
    "How long the batch that is being written has been tried; 0 between two batches.",
    namespace=NAMESPACE,
)
COMMIT_STUCK_SECONDS = Gauge(
    "sink_no_commit_seconds",
    "How long ago the last commit was, while there is lag; 0 without lag.",
    namespace=NAMESPACE,
)
