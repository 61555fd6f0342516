"""A part of the session's servers for each test."""

from __future__ import annotations

from uuid import uuid4

import pytest

from callweave.settings import ClickHouseSettings, KafkaSettings


@pytest.fixture
def kafka(kafka_address: str) -> KafkaSettings:
    """A part of the cluster of the test's own."""
    return KafkaSettings(bootstrap_servers=kafka_address, prefix=f"t{uuid4().hex}.")


@pytest.fixture
def clickhouse(clickhouse_address: str) -> ClickHouseSettings:
    """A database of the test's own, which is not there yet."""
    host, _, port = clickhouse_address.rpartition(":")
    return ClickHouseSettings(host=host, port=int(port), database=f"t{uuid4().hex}")
