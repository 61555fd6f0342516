"""What every stage stands on: settings, sources, Kafka, ClickHouse, logs, metrics, time."""
