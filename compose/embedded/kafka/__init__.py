"""Apache Kafka itself on this machine: one node, with nothing but Python installed."""

from compose.embedded.kafka.node import KafkaNode

__all__ = ["KafkaNode"]
