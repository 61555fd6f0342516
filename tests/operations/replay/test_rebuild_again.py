"""`callweave replay --into`, interrupted: what comes out in the end is what would have come out at once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from callweave.commands import differences
from operations.replay import archive, rebuild
from operations.replay.archive import Selection
from operations.replay.building import BUILT, FOLDING, READING, Building
from operations.replay.cursor import Cursor, alone
from operations.replay.rebuild import Code, Kept, Rebuild
from runtime import clickhouse
from runtime.errors import CallweaveError
from sinks.span import Span
from tests.kit.clock import ManualClock
from tests.operations.replay.archived import START, posted, read, status, store
from tests.rows import contents, select
from tests.rows import count as number
from tests.scale import scaled
from tests.servers import PATIENCE, new_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from operations.replay.archive import Archived
    from processors.normalize.step import Normalized, Rejected
    from runtime.settings import Settings
    from schemas.callbacks import Callback

CALLBACKS = 60
PAGE, PORTION = 3, 6
AFTERWARDS = ManualClock(START + 1_000_000_000)
SAME = Code(read, "the same")


def traffic(rng: random.Random) -> Iterator[Archived]:
    """A few calls of many legs: which of them belong together no portion knows alone."""
    yield posted(0, b'{"status": "sneeze", "uuid": "a"}')
    for each in range(1, CALLBACKS):
        legs = [f"leg-{rng.randrange(40):02}" for _ in range(rng.randint(1, 2))]
        kind = rng.choice(("ring", "answer", "hangup"))
        yield status(each, kind, *legs, account=rng.choice(("acme", "zebra")))


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Iterator[Settings]:
    """Running tables, and no Kafka; work on other tables is done in small portions."""
    store(module_settings, module_settings.data, traffic(random.Random(5)))
    with in_small_portions():
        yield module_settings
    with clickhouse.connected(module_settings.clickhouse, database="default") as client:
        names = client.execute(
            "SELECT name FROM system.databases WHERE startsWith(name, %(name)s)",
            {"name": f"{module_settings.clickhouse.database}_"},
        )
        for (name,) in names:
            client.execute(f"DROP DATABASE {name}")


@pytest.fixture(scope="module")
def expected(settings: Settings) -> dict[str, list[str]]:
    """What an uninterrupted run makes."""
    rebuild.into(settings, Selection(), database(settings, "at_once"), SAME, AFTERWARDS)
    found = tables(settings, database(settings, "at_once"))
    assert len(found["stored_callbacks"]) == CALLBACKS
    assert 0 < len(found["stored_calls"]) < CALLBACKS / 2
    return found


@contextmanager
def in_small_portions() -> Iterator[None]:
    with patch.object(archive, "PAGE", PAGE), patch.object(rebuild, "PORTION", PORTION):
        yield


@contextmanager
def stopping(at: int, stop: Callable[[], None]) -> Iterator[None]:
    """Stop when so many times rows have been written, or a place in the archive."""
    steps = count(1)

    def then(work: Callable[..., None]) -> Callable[..., None]:
        def worked(*args: Any) -> None:
            work(*args)
            if next(steps) == at:
                stop()

        return worked

    with patch.object(Rebuild, "flush", then(Rebuild.flush)), patch.object(Kept, "write", then(Kept.write)):
        yield


def by_ctrl_c() -> None:
    raise KeyboardInterrupt


def by_kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def build_until_killed(settings: Settings, database: str, at: int) -> None:
    """In a process of its own."""
    with in_small_portions(), stopping(at, by_kill):
        rebuild.into(settings, Selection(), database, SAME, AFTERWARDS)


def killed(settings: Settings, database: str, at: int) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=build_until_killed, args=(settings, database, at)
    )
    process.start()
    process.join(PATIENCE)
    assert process.exitcode == -signal.SIGKILL


def database(settings: Settings, name: str) -> str:
    return f"{settings.clickhouse.database}_{name}"


def tables(settings: Settings, database: str) -> dict[str, list[str]]:
    """All but the time at which they were made, and a key made by chance."""
    found = contents(rebuild.elsewhere(settings, database))
    return {name: rows for name, rows in found.items() if name not in {"schema_migrations", "pseudonym_keys"}}


def place(settings: Settings, database: str) -> Building:
    known = Cursor(settings.data, f"into-{database}", Building).read()
    assert known is not None
    return known


def differing(settings: Settings, database: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    capsys.readouterr()
    differences.show(settings, Selection(), database, as_json=True, numbers=True, limit=100)
    out, err = capsys.readouterr()
    return out, err


@contextmanager
def archived_late(settings: Settings, callback: Archived) -> Iterator[None]:
    """It was received in time, but the sink was behind."""
    store(settings, settings.data, [callback])
    yield
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(
            "ALTER TABLE stored_callbacks DELETE WHERE id = %(id)s SETTINGS mutations_sync = 1",
            {"id": callback.callback.id},
        )


def test_what_was_killed_goes_on_where_it_was(
    settings: Settings, expected: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the midst of each part, after rows were written of which the cursor knows nothing."""
    other = database(settings, "killed")
    killed(settings, other, at=8)
    first = place(settings, other)
    assert first.part == READING
    assert 0 < first.done < CALLBACKS
    assert number(rebuild.elsewhere(settings, other), "SELECT count() FROM callbacks") > first.done
    killed(settings, other, at=22)
    second = place(settings, other)
    assert second.part == FOLDING
    assert 0 < second.done < CALLBACKS
    with archived_late(settings, status(CALLBACKS, "ring", "late", "leg-00", account="zebra")):
        rebuild.into(settings, Selection(), other, SAME, AFTERWARDS)
    assert tables(settings, other) == expected
    assert place(settings, other).part == BUILT
    assert differing(settings, other, capsys) == differing(settings, database(settings, "at_once"), capsys)


def test_interrupted_anywhere_it_comes_to_the_same_end(
    settings: Settings, expected: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no more is read twice than a portion for each interruption."""
    calls = count()

    def counting(callback: Callback) -> Normalized | Rejected:
        next(calls)
        return read(callback)

    for seed in range(scaled(1, 10)):
        rng = random.Random(seed)
        other = database(settings, f"stopped_{seed}")
        calls, interruptions = count(), 0
        while True:
            try:
                with stopping(rng.randint(1, 9), by_ctrl_c):
                    rebuild.into(settings, Selection(), other, Code(counting, "the same"), AFTERWARDS)
            except KeyboardInterrupt:
                interruptions += 1
            else:
                break
        assert tables(settings, other) == expected
        assert interruptions > 1
        assert next(calls) <= 2 * CALLBACKS + interruptions * (PORTION + PAGE)
    assert "are continued." in capsys.readouterr().err


def test_what_differs_begins_anew_and_says_so(
    settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = database(settings, "other")
    with stopping(8, by_ctrl_c), pytest.raises(KeyboardInterrupt):
        rebuild.into(settings, Selection(), other, SAME, AFTERWARDS)
    assert capsys.readouterr().err == ""
    some = Selection(Span(since=START + 50_000_000))
    rebuild.into(settings, some, other, SAME, AFTERWARDS)
    assert "are of another part of an archive: they are rebuilt.\n" in capsys.readouterr().err
    assert ids(settings, other) == [f"callback-{each:03}" for each in range(50, CALLBACKS)]

    def none(callback: Callback) -> Normalized | Rejected:
        raise AssertionError(callback.id)

    rebuild.into(settings, some, other, Code(none, "the same"), AFTERWARDS)
    assert capsys.readouterr().err.endswith(f"; DROP DATABASE {other} to rebuild them.\n")
    early = ManualClock(START + 55_000_000)
    built = rebuild.into(settings, some, other, Code(read, "another"), early)
    assert "are by other code or sources: they are rebuilt.\n" in capsys.readouterr().err
    assert built.span == Span(START + 50_000_000, START + 55_000_000)
    assert ids(settings, other) == [f"callback-{each:03}" for each in range(50, 55)]

    elsewhere = settings.model_copy(update={"data": tmp_path / "another"})
    with pytest.raises(CallweaveError, match="has tables"):
        rebuild.into(elsewhere, some, other, Code(none, "another"), early)
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        client.execute(f"DROP DATABASE {other}")
        client.execute(f"CREATE DATABASE {other}")
        client.execute(f"CREATE VIEW {other}.of_somebody AS SELECT 1")
    with pytest.raises(CallweaveError, match="has tables"):
        rebuild.into(settings, some, other, Code(none, "another"), early)
    with alone(settings.data, f"into-{other}.lock"), pytest.raises(CallweaveError, match="Another replay"):
        rebuild.into(settings, some, other, Code(none, "another"), early)


def ids(settings: Settings, database: str) -> list[str]:
    found = select(rebuild.elsewhere(settings, database), "SELECT id FROM callbacks ORDER BY id")
    return [row["id"] for row in found]


def test_the_code_is_another_when_a_source_is(tmp_path: Path) -> None:
    settings = new_settings("127.0.0.1:1", "127.0.0.1:1", tmp_path)
    source = '[sources.pbx]\naccount = "acme"\ndialect = "common-api"\ntimezone = "{}"\n'
    added = "added_at = 2026-01-31T12:00:00Z\nremoved_at = 2026-01-31T13:00:00Z\n"
    digests = []
    for zone in ("Asia/Shanghai", "Asia/Shanghai", "Europe/Paris"):
        settings.sources_file.write_text(source.format(zone) + added)
        digests.append(rebuild.code_of(settings).digest)
    assert digests[0] == digests[1] != digests[2]
