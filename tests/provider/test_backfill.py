"""The parts of a backfill that need no server; the whole is in test_whole_way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from provider.backfill import MOST_IDS, Pace, Position, Progress, is_over, names_of
from tests.scale import examples

if TYPE_CHECKING:
    from pathlib import Path

ids = st.text("abc", min_size=1, max_size=3)


@given(st.none() | ids, st.lists(ids, max_size=3), st.lists(ids, max_size=6))
@examples(100, 2000)
def test_the_likeliest_names_are_tried_first_and_each_once(
    uuid: str | None, requested: list[str], legs: list[str]
) -> None:
    names = names_of(uuid, requested, legs)
    assert len(set(names)) == len(names) <= MOST_IDS
    known = {*requested, *legs, *([uuid] if uuid else [])}
    assert set(names) <= known
    assert len(names) == min(len(known), MOST_IDS)
    if requested:
        assert names[0] == requested[0]
    elif uuid:
        assert names[0] == uuid


def test_a_call_without_its_end_is_not_over() -> None:
    assert is_over({"hangup_time_gmt": "2021-01-01 16:30:16"})
    assert not is_over({"hangup_time_gmt": None})
    assert not is_over({})


def test_progress_belongs_to_its_options(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "backfill" / "pbx.json")
    mine = {"since": 1, "until": 2}
    assert progress.position(mine) == Position()
    progress.reached(mine, Position(7, "c"))
    progress.reached(mine, Position(8, "d"))
    assert progress.position(mine) == Position(8, "d")
    assert progress.position({"since": 1, "until": 3}) == Position()
    progress.done()
    assert progress.position(mine) == Position()
    progress.done()


def test_a_broken_progress_is_none(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "pbx.json")
    for content in (b"", b"[]", b'{"asked": {}}', b'{"asked": {}, "position": {"x": 1}}', os.urandom(20)):
        progress.path.write_bytes(content)
        assert progress.position({}) == Position()


def test_requests_keep_their_distance() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(4, lambda: now[0], sleep)
    pace.wait()
    pace.wait()
    now[0] += 0.1
    pace.wait()
    now[0] += 60
    pace.wait()
    assert [round(each, 6) for each in slept] == [0.25, 0.15]
