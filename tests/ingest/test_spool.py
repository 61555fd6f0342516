"""The spool on a real disk: what it took is there after any end, and nothing half is ever read."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.groups import Message, UnacknowledgedError
from ingest.spool import BROKEN, SEGMENT_BYTES, Spool, counted, decoded, encoded
from tests.kit.spool import append
from tests.scale import examples
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.callbacks import Headers

PLENTY = 1 << 30
NAMED = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=4)


def fields(message: Message) -> tuple[str, bytes, Headers]:
    return message.topic, message.value, message.headers


def taken(spool: Spool) -> list[bytes]:
    """The values of all that can be published now, which then is removed."""
    spool.seal()
    found = []
    for segment in spool.segments():
        messages, bad = segment.read()
        assert bad == 0
        found += [message.value for message in messages]
        segment.remove()
    return found


@given(st.text(min_size=1, max_size=50), st.binary(max_size=500), NAMED)
@examples(100, 5000)
def test_a_line_holds_all_bytes(topic: str, value: bytes, headers: Headers) -> None:
    line = encoded(Message(topic, value, headers))
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    read = decoded(line[:-1])
    assert read is not None
    assert fields(read) == (topic, value, headers)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
@examples(100, 2000)
def test_a_cut_or_changed_line_is_noticed(values: list[bytes], data: st.DataObject) -> None:
    lines = [encoded(Message("t", value, [])) for value in values]
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    read = [found for line in whole[:cut].split(b"\n") if (found := decoded(line)) is not None]
    complete = whole[:cut].count(b"\n")
    # The last line may be whole but for its line feed.
    assert [found.value for found in read] in (values[:complete], values[: complete + 1])
    spot = data.draw(st.integers(0, len(lines[0]) - 2))
    flipped = bytearray(lines[0][:-1])
    flipped[spot] ^= 1 << data.draw(st.integers(0, 7))
    assert decoded(bytes(flipped)) is None


def test_what_many_threads_keep_is_there_once_in_a_new_process_too(tmp_path: Path) -> None:
    spool = Spool(tmp_path, PLENTY)
    values = [b"%d" % number for number in range(500)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda value: append(spool, "t", value, [("n", b"")]), values))
    assert counted(tmp_path) == 500
    assert list(Spool(tmp_path, PLENTY).segments()) == [], "the process that writes it lives"
    spool.seal()
    assert sorted(taken(Spool(tmp_path, PLENTY))) == sorted(values)
    assert list(tmp_path.iterdir()) == []


def test_callbacks_are_counted_by_the_ends_of_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.spool.CHUNK_BYTES", 7)
    assert counted(tmp_path / "none") == 0
    whole = b"".join(encoded(Message("t", b"\n%d\n" % number, [])) for number in range(20))
    (tmp_path / "1.spool").write_bytes(whole)
    (tmp_path / "2.spool").write_bytes(whole[:-1])  # what was never acknowledged
    (tmp_path / f"3.spool{BROKEN}").write_bytes(whole)
    assert counted(tmp_path) == 39
    (tmp_path / "4.spool").mkdir()
    with pytest.raises(IsADirectoryError):
        counted(tmp_path)


def test_a_file_that_is_just_begun_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process, or our own drain, looks at the folder right before it is locked."""
    ours, others = Spool(tmp_path, PLENTY), Spool(tmp_path, PLENTY)
    lock = fcntl.flock
    looked: list[object] = []

    def lock_too_late(file: int, how: int) -> None:
        if not looked:
            looked.append(True)
            looked.append(taken(others))
        lock(file, how)

    monkeypatch.setattr("ingest.spool.fcntl.flock", lock_too_late)
    append(ours, "t", b"kept", [])
    assert looked == [True, []]
    assert taken(others) == [], "we may write more to it"
    assert taken(ours) == [b"kept"]


def test_a_large_file_is_complete_by_itself(tmp_path: Path) -> None:
    spool = Spool(tmp_path, PLENTY)
    append(spool, "t", b"x" * SEGMENT_BYTES, [])
    append(spool, "t", b"next", [])
    sizes = [len(segment.read()[0][0].value) for segment in spool.segments()]
    assert sizes == [SEGMENT_BYTES]


WRITER = """
import sys
from pathlib import Path
from ingest.spool import Spool
from tests.kit.spool import append
spool = Spool(Path(sys.argv[1]), 1 << 30)
number = 0
while True:
    append(spool, "t", b"%d" % number, [])
    print(number, flush=True)
    number += 1
"""


def test_a_killed_process_leaves_all_that_it_has_acknowledged(tmp_path: Path) -> None:
    heir = Spool(tmp_path, PLENTY)
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        seen = [writer.stdout.readline() for _ in range(50)]
        assert list(heir.segments()) == [], "it lives"
        writer.kill()
        last = int((seen + writer.stdout.read().splitlines())[-1])
    found = taken(heir)
    assert found[: last + 1] == [b"%d" % number for number in range(last + 1)]
    assert len(found) <= last + 2, "one may have been written and not acknowledged"


def test_a_half_written_end_is_dropped(tmp_path: Path) -> None:
    spool = Spool(tmp_path, PLENTY)
    for value in (b"a", b"b"):
        append(spool, "t", value, [])
    spool.seal()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + encoded(Message("t", b"c", []))[:-5])
    assert taken(spool) == [b"a", b"b"]


def test_a_damaged_line_is_set_aside_and_the_rest_read(tmp_path: Path) -> None:
    spool = Spool(tmp_path, PLENTY)
    for value in (b"a", b"b", b"c"):
        append(spool, "t", value, [])
    spool.seal()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"B"'))
    (segment,) = list(spool.segments())
    messages, bad = segment.read()
    assert ([message.value for message in messages], bad) == ([b"a", b"c"], 1)
    segment.set_aside("a line is damaged")
    assert list(spool.segments()) == []
    assert [left.name.endswith(BROKEN) for left in tmp_path.iterdir()] == [True]


def test_a_full_spool_says_so_until_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 3000)
    append(spool, "t", b"x" * 2000, [])
    with pytest.raises(UnacknowledgedError, match="full"):
        append(spool, "t", b"x" * 2000, [])
    assert not spool.usable
    assert taken(spool) == [b"x" * 2000]
    spool.measure()
    assert spool.usable
    append(spool, "t", b"x" * 2000, [])


def test_a_full_spool_is_not_usable_before_what_it_refused_has_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 3000)
    append(spool, "t", b"x" * 1900, [])
    spool.seal()
    append(spool, "t", b"x" * 900, [])
    for size in (2000, 5000):
        with pytest.raises(UnacknowledgedError, match="full"):
            append(spool, "t", b"x" * size, [])
        spool.measure()
        assert not spool.usable, "it would refuse the same again"
    assert taken(spool) == [b"x" * 1900, b"x" * 900]
    spool.measure()
    assert spool.usable, "no spool would have room for more than its limit"


@pytest.mark.parametrize(
    "name", ["retry.spool", "copy of 00000000001-x.spool", "1-x.spool", ".spool", "-.spool"]
)
def test_a_file_of_another_name_is_published_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(encoded(Message("t", b"theirs", [])))
    spool = Spool(tmp_path, PLENTY)
    assert 0 <= spool.measure() < 3600
    assert taken(spool) == [b"theirs"]


def test_nothing_of_a_file_of_another_name_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "notes.spool").write_text("not ours")
    for segment in Spool(tmp_path, PLENTY).segments():
        assert segment.read() == ([], 1)


def test_a_folder_that_can_not_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool", PLENTY)
    with pytest.raises(UnacknowledgedError, match="fails"):
        append(spool, "t", b"", [])
    assert not spool.usable


def test_its_size_and_age_are_known(tmp_path: Path) -> None:
    spool = Spool(tmp_path, PLENTY)
    assert (spool.measure(), spool.size) == (0.0, 0)
    append(spool, "t", b"x" * 1000, [])
    assert spool.measure() > 0
    assert spool.size > 1000


LIMITED = """
import resource, sys
from pathlib import Path
from ingest.groups import UnacknowledgedError
from ingest.spool import Spool
from tests.kit.spool import append
spool = Spool(Path(sys.argv[1]), 1 << 30)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
outcomes = []
for limit in (hard, 2500, 0, hard):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    for _ in range(2):
        try:
            append(spool, "t", b"%d" % len(outcomes) * 1000, [])
            outcomes.append("1")
        except UnacknowledgedError:
            outcomes.append("0")
print("".join(outcomes))
"""


def test_a_disk_that_takes_a_part_leaves_nothing_half(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: a part is written, then an error comes."""
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, timeout=PATIENCE, check=True
    )
    outcomes = ended.stdout.decode().strip()
    assert outcomes == "11010011"
    expected = [str(n).encode() * 1000 for n, outcome in enumerate(outcomes) if outcome == "1"]
    assert taken(Spool(tmp_path, PLENTY)) == expected
