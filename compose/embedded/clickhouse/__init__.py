"""The ClickHouse engine of chdb-core as a server: the native TCP protocol and the HTTP query interface."""
