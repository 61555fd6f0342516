"""The whole pipeline with a Kafka that asks for a password over TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from runtime import sources
from tests import servers
from tests.pipeline import Pipeline
from tests.rows import select
from tests.samples.documents import document
from tests.secure import SecureNode
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_every_stage_speaks_sasl_over_tls(clickhouse_address: str, tmp_path: Path) -> None:
    with SecureNode.new(tmp_path) as node:
        node.add_scram_user()
        settings = servers.new_settings(node.bootstrap, clickhouse_address, tmp_path)
        kafka = node.sasl_ssl("SCRAM-SHA-512", prefix=settings.kafka.prefix)
        settings = servers.prepared(settings.model_copy(update={"kafka": kafka}))
        token = sources.add(settings.sources_file, "bills", "acme", "common-api", "Asia/Shanghai")
        with Pipeline(settings, tmp_path):
            url = f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"
            answer = httpx.post(
                url,
                content=document("002_cdr.json"),
                headers={"Content-Type": "application/json"},
                timeout=60,
            )
            assert answer.status_code == 200, answer.text
            eventually(lambda: len(select(settings, "SELECT * FROM calls")) == 1, "the bill is a call")
        (call,) = select(settings, "SELECT outcome, ring_seconds FROM calls")
        assert call == {"outcome": "unanswered", "ring_seconds": 8.0}
