"""From Kafka into ClickHouse: tables and views, rows, batches, the writer."""
