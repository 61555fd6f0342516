"""A provider's fault puts one id into every callback: calls stay apart, also while the correlator dies."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import orjson

from runtime.settings import CorrelateSettings
from tests.kit.commands import ran
from tests.operations.audit.traffic import assert_whole, traffic
from tests.pipeline import Pipeline
from tests.rows import select
from tests.scale import scaled
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings

CALLS = scaled(60, 1_000)
TIED = 4
"""So many calls may an id tie."""
SHARED = "trunk"
STATUSES = ("ring", "answer", "hangup")


def callbacks(rng: random.Random) -> list[bytes]:
    """Of all calls: each call's own in their order, those of different calls mixed."""
    left = [(number, list(STATUSES)) for number in range(CALLS)]
    told: list[bytes] = []
    while left:
        place = rng.randrange(min(len(left), 10))
        number, statuses = left[place]
        told.append(
            orjson.dumps(
                {"status": statuses.pop(0), "uuid": f"call-{number}", "buuid": SHARED, "isbleg": "false"}
            )
        )
        if not statuses:
            del left[place]
    return told


def test_calls_that_name_one_id_stay_apart(stack_settings: Settings, tmp_path: Path) -> None:
    settings = stack_settings.model_copy(update={"correlate": CorrelateSettings(calls_per_id=TIED)})
    rng = random.Random(8)
    with traffic(settings, rng) as sent, Pipeline(settings, tmp_path) as pipeline:
        told = callbacks(rng)
        for number, body in enumerate(told, 1):
            sent.post("common", body)
            if number % (len(told) // 3) == 0:
                pipeline.workers["correlate"].kill()
                pipeline.workers["correlate"].start()
        report = assert_whole(settings)
        assert any(SHARED in note for note in report.notes), report.notes
        rows = select(settings, "SELECT call_id, state, legs, revision FROM calls ORDER BY call_id")
        (tied,) = (row for row in rows if row["revision"] > len(STATUSES))
        assert (tied["revision"], len(tied["legs"])) == (len(STATUSES) * TIED, TIED + 1)
        apart = [row for row in rows if row is not tied]
        assert len(apart) == CALLS - TIED
        assert {(row["state"], row["revision"]) for row in apart} == {("ended", len(STATUSES))}
        assert select(settings, "SELECT id, source FROM suspect_ids") == [{"id": SHARED, "source": "common"}]
        replayed = ran(settings, "replay", "--wait", str(PATIENCE))
        assert replayed.returncode == 0, replayed.stderr
        assert_whole(settings)
        assert select(settings, "SELECT call_id, state, legs, revision FROM calls ORDER BY call_id") == rows
