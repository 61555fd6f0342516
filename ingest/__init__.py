"""The way in: Flask takes a provider's callback, publishes it to Kafka, and answers once it is safe there."""
