"""Whether every callback that was acknowledged is where it belongs, in Kafka and in ClickHouse.

`identity`, `kept` and `offsets` decide and do no I/O; `log` and `settle` read Kafka, `tables` reads
ClickHouse, and `examine` has both.
"""
