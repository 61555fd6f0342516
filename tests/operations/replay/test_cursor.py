from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from operations.replay.archive import Key, Selection
from operations.replay.building import Building
from operations.replay.cursor import Cursor, alone, name_of
from operations.replay.progress import Progress
from runtime.errors import CallweaveError
from sinks.span import Span

if TYPE_CHECKING:
    from pathlib import Path

BEGUN = Progress(1_700_000_000_000_000, "code")


def of(folder: Path, selection: Selection) -> Cursor[Progress]:
    return Cursor(folder, name_of(selection), Progress)


def test_an_interrupted_replay_is_known_by_its_selection(tmp_path: Path) -> None:
    cursor = of(tmp_path, Selection(Span(since=1)))
    assert cursor.read() is None
    further = BEGUN.went_on(Key("acme", 5, "id-ä"), 10)
    cursor.write(further)
    assert of(tmp_path, Selection(Span(since=1))).read() == further
    for other in (Selection(), Selection(Span(since=2)), Selection(Span(since=1), rejected=True)):
        assert of(tmp_path, other).read() is None
    cursor.forget()
    assert cursor.read() is None


def test_how_far_other_tables_have_come_is_kept_alike(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path, "into-other", Building)
    begun = Building(1_700_000_000_000_000, "home", "selection", "code")
    further = begun.next().went_on(Key("acme", 5, "id-ä"), 10)
    cursor.write(further)
    assert Cursor(tmp_path, "into-other", Building).read() == further
    with pytest.raises(CallweaveError, match="delete it"):
        Cursor(tmp_path, "into-other", Progress).read()


def test_what_is_no_cursor_is_said_to_be_none(tmp_path: Path) -> None:
    cursor = of(tmp_path, Selection())
    cursor.write(BEGUN)
    (file,) = (tmp_path / "replay").iterdir()
    file.write_text('{"after": 1}')
    with pytest.raises(CallweaveError, match="delete it"):
        cursor.read()


def test_there_is_one_replay_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(CallweaveError, match="Another replay"), alone(tmp_path):
        pass
    with alone(tmp_path), alone(tmp_path, "another"):
        pass
