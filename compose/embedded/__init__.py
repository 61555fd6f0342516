"""Apache Kafka and the ClickHouse engine on one machine, with nothing but Python installed."""
