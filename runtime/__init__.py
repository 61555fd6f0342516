"""What every stage uses: settings, sources, Kafka, ClickHouse, logs, metrics, time."""
