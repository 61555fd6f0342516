"""Every stage answers on `metrics_host`, over a socket, whatever that address is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests import servers
from tests.pipeline import STAGES, Pipeline

if TYPE_CHECKING:
    from pathlib import Path


def test_every_stage_is_asked_on_an_address_of_its_own_and_ends_in_order(
    kafka_address: str, clickhouse_address: str, tmp_path: Path
) -> None:
    made = servers.new_settings(kafka_address, clickhouse_address, tmp_path)
    settings = servers.prepared(made.model_copy(update={"metrics_host": "127.0.0.2"}))
    with Pipeline(settings, tmp_path) as pipeline:
        for stage in STAGES:
            worker = pipeline.workers[stage]
            for path in ("healthz", "readyz"):
                assert httpx.get(f"http://127.0.0.2:{worker.port}/{path}").status_code == 200
            assert "callweave_build_info" in worker.metrics()
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"http://127.0.0.1:{worker.port}/readyz")
        assert [pipeline.workers[stage].stop() for stage in STAGES] == [0, 0, 0, 0]
