"""Whether every callback that was acknowledged is where it belongs, in Kafka and in ClickHouse.

`identity`, `kept`, `offsets` and `tied` decide and do no I/O; `log` and `settle` read Kafka, `tables` and
`trail` read ClickHouse, and `examine` has both.
"""
