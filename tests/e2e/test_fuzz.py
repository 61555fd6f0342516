"""Mutated samples through the whole running stack: no 5xx, and nothing that was accepted has no end."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING

import httpx

from runtime import sources
from tests.kit.mutations import mutated
from tests.operations.audit.traffic import assert_whole
from tests.pipeline import Pipeline
from tests.rows import count, until
from tests.scale import scaled

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

ENDS = """
SELECT count() FROM callbacks
WHERE status = 'accepted' AND id NOT IN (SELECT arrayJoin(callback_ids) FROM call_events)
"""
EVENTS_WITHOUT_A_ROW = """
SELECT count() FROM call_events
WHERE notEmpty(ids) AND (account, ids[1]) NOT IN (SELECT account, id FROM call_ids)
"""


def test_whatever_is_accepted_has_an_end(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings
    seed = time.time_ns() % 1_000_000
    rng = Random(seed)
    base = f"http://127.0.0.1:{settings.ingest.port}/callbacks"
    zone = "Asia/Shanghai"
    urls = {
        dialect: f"{base}/{sources.add(settings.sources_file, dialect, dialect, dialect, zone)}"
        for dialect in ("common-api", "extension-events")
    }

    def post(number: int) -> httpx.Response:
        request, query, dialect = mutated(Random(seed + number))
        target = urls[dialect] + ("?" + query.hex() if query else "")
        headers = [(b"Content-Type", request.content_type.encode("latin-1"))]
        return client.request(request.method, target, content=request.payload, headers=headers)

    with Pipeline(settings, tmp_path), httpx.Client(timeout=60) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, rng.sample(range(10**6), scaled(400, 8000))))
        assert {answer.status_code for answer in answers} <= {200, 400, 413}, f"seed {seed}"
        kept = [answer for answer in answers if "id" in answer.json()]
        until(settings, "SELECT count() FROM callbacks", len(kept))
        until(settings, ENDS, 0)
        until(settings, EVENTS_WITHOUT_A_ROW, 0)
        assert_whole(settings)
    assert count(settings, "SELECT count() FROM dead_letters") == 0
