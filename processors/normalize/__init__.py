"""From a callback to events, a pure module for each dialect; `app` alone touches Kafka."""
