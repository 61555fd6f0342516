"""The file of sources: what is added can be found by its token, and nothing half-written is ever read."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import tomli_w
from structlog.testing import capture_logs

from runtime import sources
from runtime.sources import FormerSettings, SourcesError, SourcesFile

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.sources import Setting


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "etc" / "sources.toml"


def add(path: Path, name: str = "shanghai", account: str = "104026") -> str:
    return sources.add(path, name, account, "common-api", "Asia/Shanghai")


def test_a_missing_file_holds_no_sources(path: Path) -> None:
    assert list(sources.load(path)) == []


def test_an_added_source_is_found_by_its_token_alone(path: Path) -> None:
    token = add(path)
    other = add(path, "beijing")
    loaded = sources.load(path)
    found = loaded.by_name["shanghai"]
    assert loaded.by_token(token) == found
    assert (found.account, found.dialect, found.timezone) == ("104026", "common-api", "Asia/Shanghai")
    assert loaded.by_token(other) == loaded.get("beijing")
    another = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in ("", token[:-1], another, token + "A", "\udcff", "é"):
        assert loaded.by_token(wrong) is None


def test_the_token_is_written_nowhere(path: Path) -> None:
    token = add(path)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert token not in path.read_text()
    assert token not in repr(sources.load(path))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_source_may_have_a_time_of_its_own_after_which_its_calls_are_closed(path: Path) -> None:
    add(path, "usual")
    sources.add(path, "hasty", "104026", "common-api", "UTC", close_after_seconds=90)
    loaded = {source.name: source.close_after_seconds for source in sources.load(path)}
    assert loaded == {"usual": None, "hasty": 90}
    sources.remove(path, "hasty")
    sources.add(path, "hasty", "104026", "common-api", "UTC")
    assert sources.load(path).by_name["hasty"].close_after_seconds == 90


@pytest.mark.parametrize("seconds", [0, -1, 0.5, 1e305, float("inf"), float("nan")])
def test_a_call_is_not_closed_at_once_and_not_never(path: Path, seconds: float) -> None:
    with pytest.raises(SourcesError, match="close_after_seconds"):
        sources.add(path, "odd", "104026", "common-api", "UTC", close_after_seconds=seconds)


def test_after_a_rotation_both_tokens_hold_for_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [add(path)]
    tokens.append(sources.rotate(path, "shanghai", timedelta(hours=1)))
    tokens.append(sources.rotate(path, "shanghai"))
    loaded = sources.load(path)
    assert [loaded.by_token(token) for token in tokens] == [loaded.get("shanghai")] * 3
    later = time.time() + 2 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    assert [loaded.by_token(token) is not None for token in tokens] == [False, True, True]
    last = sources.rotate(path, "shanghai", timedelta(0))
    loaded = sources.load(path)
    assert [loaded.by_token(token) is not None for token in (*tokens, last)] == [False, False, False, True]


def test_times_and_numbers_that_were_written_as_texts_can_be_worked_with(path: Path) -> None:
    tokens = [add(path), sources.rotate(path, "shanghai")]
    as_texts = re.sub(r"(\d{4}-\d\d-\d\d \S+)", r'"\1"', path.read_text())
    path.write_text(as_texts.replace("[sources.shanghai]", '[sources.shanghai]\nrevision = "2"'))
    tokens.append(sources.rotate(path, "shanghai"))
    sources.change(path, "shanghai", {"timezone": "UTC"})
    loaded = sources.load(path)
    assert [loaded.by_token(token) for token in tokens] == [loaded.get("shanghai")] * 3
    assert loaded.by_name["shanghai"].revision == 3


def test_an_old_token_ends_with_its_source(path: Path) -> None:
    old = add(path)
    sources.rotate(path, "shanghai")
    sources.remove(path, "shanghai")
    assert sources.load(path).by_token(old) is None


def test_a_paused_source_keeps_its_token(path: Path) -> None:
    token = add(path)
    sources.pause(path, "shanghai")
    paused = sources.load(path).by_token(token)
    assert paused is not None
    assert paused.paused_at is not None
    sources.pause(path, "shanghai")
    assert sources.load(path).by_token(token) == paused
    sources.resume(path, "shanghai")
    resumed = sources.load(path)
    assert resumed.by_token(token) == resumed.by_name["shanghai"]
    assert resumed.by_name["shanghai"].paused_at is None


def test_settings_are_known_as_they_were(path: Path) -> None:
    add(path)
    sources.change(path, "shanghai", {"close_after_seconds": 90})
    assert sources.load(path).by_name["shanghai"].revision == 1, "no callback is read with it"
    sources.change(path, "shanghai", {"timezone": "UTC", "country": "CN"})
    sources.change(path, "shanghai", {"timezone": "UTC"})
    sources.change(path, "shanghai", {"country": "JP"})
    source = sources.load(path).by_name["shanghai"]
    assert source.revision == 3
    file = SourcesFile(path, Ticks())
    sources.change(path, "shanghai", {"timezone": "Asia/Tokyo"})
    found = [file.get("shanghai", revision) for revision in (4, 1, 0)]  # the first is looked for at once
    assert [each and each.timezone for each in found] == ["Asia/Tokyo", "Asia/Shanghai", "Asia/Tokyo"]
    read_with = [(source.as_of(n).timezone, source.as_of(n).country) for n in range(1, 5)]
    assert read_with == [("Asia/Shanghai", None), ("UTC", "CN"), ("UTC", "JP"), ("UTC", "JP")]


def test_what_is_given_is_changed_and_the_rest_kept(path: Path) -> None:
    token = sources.add(path, "north", "104026", "common-api", "UTC", close_after_seconds=90, country="CN")
    add(path, "south")
    before = sources.load(path)
    sources.change(path, "north", {"timezone": "Asia/Tokyo", "country": "JP"})
    changed = sources.load(path)
    first = FormerSettings(revision=1, timezone="UTC", country="CN")
    wanted = before.by_name["north"].model_copy(
        update={"timezone": "Asia/Tokyo", "country": "JP", "revision": 2, "former_settings": (first,)}
    )
    assert changed.by_name == {"north": wanted, "south": before.by_name["south"]}
    assert changed.by_token(token) == wanted
    sources.change(path, "north", {"close_after_seconds": None, "country": None})
    former = (*wanted.former_settings, FormerSettings(revision=2, timezone="Asia/Tokyo", country="JP"))
    gone = {"close_after_seconds": None, "country": None}
    unset = wanted.model_copy(update={**gone, "revision": 3, "former_settings": former})
    assert sources.load(path).by_token(token) == unset
    sources.change(path, "north", {"country": None})
    sources.change(path, "north", {"close_after_seconds": 30})
    assert sources.load(path).by_token(token) == unset.model_copy(update={"close_after_seconds": 30})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone must be an IANA time zone"),
        ({"timezone": None}, "timezone is missing"),
        ({"country": "China"}, "country must be an ISO 3166 code"),
        ({"charset": "klingon"}, "charset must be a text encoding"),
        ({"charset": "base64"}, "charset must be a text encoding"),
        ({"close_after_seconds": 0.5}, "close_after_seconds "),
        ({"country": "CN", "timezone": ""}, "timezone must be an IANA time zone"),
    ],
)
def test_a_change_that_is_not_valid_is_not_written(
    path: Path, given: dict[Setting, str | float | None], problem: str
) -> None:
    add(path)
    before = path.read_bytes()
    with pytest.raises(SourcesError, match=rf"^\S*sources\.toml: sources\.shanghai: {problem}"):
        sources.change(path, "shanghai", given)
    assert path.read_bytes() == before


def test_a_removed_source_stays_readable_without_a_token(path: Path) -> None:
    token = add(path)
    sources.remove(path, "shanghai")
    loaded = sources.load(path)
    removed = loaded.by_name["shanghai"]
    assert not removed.active
    assert (removed.account, removed.timezone, removed.token_sha256) == ("104026", "Asia/Shanghai", None)
    assert loaded.by_token(token) is None


def test_a_removed_source_can_come_back_as_what_it_was(path: Path) -> None:
    add(path)
    sources.remove(path, "shanghai")
    with pytest.raises(SourcesError, match="choose another name"):
        add(path, account="other")
    token = add(path)
    assert sources.load(path).by_token(token) is not None


def change(path: Path, name: str) -> None:
    sources.change(path, name, {"country": "CN"})


@pytest.mark.parametrize("change", [sources.rotate, sources.remove, change])
def test_a_source_that_is_not_there_can_not_be_changed(path: Path, change: object) -> None:
    assert callable(change)
    with pytest.raises(SourcesError, match="no source shanghai"):
        change(path, "shanghai")
    add(path)
    sources.remove(path, "shanghai")
    with pytest.raises(SourcesError, match="removed already"):
        change(path, "shanghai")


def test_a_name_is_given_once(path: Path) -> None:
    token = add(path)
    with pytest.raises(SourcesError, match="already"):
        add(path)
    assert sources.load(path).by_token(token) is not None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (("-x", "a", "common-api", "UTC"), "name"),
        (("x" * 65, "a", "common-api", "UTC"), "name"),
        (("x", "a/b", "common-api", "UTC"), "account"),
        (("x", "", "common-api", "UTC"), "account"),
        (("x", "a", "other", "UTC"), "dialect"),
        (("x", "a", "common-api", "Mars/Olympus"), "timezone"),
        (("x", "a", "common-api", "../../etc/passwd"), "timezone"),
        (("x", "a", "common-api", ""), "timezone"),
    ],
)
def test_what_is_not_valid_is_not_written(path: Path, given: tuple[str, str, str, str], named: str) -> None:
    add(path)
    before = path.read_bytes()
    with pytest.raises(SourcesError, match=rf"sources\.toml: sources\.{given[0]}: {named} "):
        sources.add(path, *given)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")] == []


def test_unknown_keys_are_kept(path: Path) -> None:
    add(path)
    document = sources.read_document(path)
    document["other"] = {"a": 1}
    document["sources"]["shanghai"]["provider"] = {"url": "http://127.0.0.1"}
    path.write_text(tomli_w.dumps(document))
    sources.rotate(path, "shanghai")
    change(path, "shanghai")
    again = sources.read_document(path)
    assert again["other"] == {"a": 1}
    assert again["sources"]["shanghai"]["provider"] == {"url": "http://127.0.0.1"}


def test_every_mistake_is_told_at_once_and_no_value_repeated(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("""
        sources.flat = 1
        [sources.a]
        account = "x/secret"
        dialect = "secret"
        timezone = "UTC"
        token_sha256 = "secret"
        added_at = 2026-01-01T00:00:00
        [sources.b]
        account = "b"
        dialect = "common-api"
        timezone = "UTC"
        added_at = 2026-01-01T00:00:00Z
    """)
    with pytest.raises(SourcesError) as refused:
        sources.load(path)
    text = str(refused.value)
    for place in ("sources.flat", "sources.a: account", "sources.a: dialect", "sources.a: token_sha256"):
        assert f"{path}: {place}" in text
    assert "sources.a: added_at" in text
    assert "sources.b: token_sha256 is missing" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "content",
    [b"[", b"\xff", b"sources = 1", b"x = " + b"9" * 5000, b"x = " + b"[" * 5000],
    ids=["open", "no text", "no table", "no number", "no end"],
)
def test_a_file_that_can_not_be_read_is_one_sentence(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    for read in (sources.load, SourcesFile):  # no process starts with such a file
        with pytest.raises(SourcesError, match=r"^\S*sources\.toml: "):
            read(path)


def add_many(path: Path, prefix: str) -> None:
    for number in range(10):
        sources.add(path, f"{prefix}{number}", "a", "common-api", "UTC")


def test_two_writers_lose_nothing(path: Path) -> None:
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=add_many, args=(path, prefix)) for prefix in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert {source.name for source in sources.load(path)} == {f"{p}{n}" for p in "ab" for n in range(10)}


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_running_process_takes_changes_up(path: Path) -> None:
    ticks = Ticks()
    file = SourcesFile(path, ticks)
    assert list(file.current()) == []
    token = add(path)
    ticks.now = 0.4
    assert file.current().by_token(token) is None, "looked at the file too soon"
    ticks.now = 0.5
    assert file.current().by_token(token) is not None
    change(path, "shanghai")
    ticks.now = 1.0
    assert file.current().by_name["shanghai"].country == "CN"
    sources.remove(path, "shanghai")
    ticks.now = 1.5
    assert file.current().by_token(token) is None


def test_a_source_that_was_added_a_moment_ago_is_known_by_its_name(path: Path) -> None:
    file = SourcesFile(path, Ticks())  # whose time stands still: too soon to look again
    assert file.get("shanghai") is None
    add(path)
    assert file.get("shanghai") == sources.load(path).by_name["shanghai"]


def test_a_broken_file_leaves_the_last_good_sources(path: Path) -> None:
    ticks = Ticks()
    token = add(path)
    good = path.read_bytes()
    file = SourcesFile(path, ticks)
    path.write_bytes(b"[")
    ticks.now = 1.0
    assert file.current().by_token(token) is not None
    assert file.problem is not None
    path.write_bytes(good + b"\n")
    ticks.now = 2.0
    assert file.current().by_token(token) is not None
    assert file.problem is None


def test_an_unknown_token_is_looked_for_in_the_file_at_once(path: Path) -> None:
    add(path, "first")
    file = SourcesFile(path, Ticks())  # whose time stands still: too soon to look again
    token = add(path)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(file.by_token, [token] * 16))
    assert [source.name for source in found if source] == ["shanghai"] * 16
    assert file.by_token(token + "x") is None


@pytest.mark.parametrize("content", [None, b"", b"[sources.shang", b"other = 1\n", "lost"])
def test_a_file_in_trouble_leaves_the_last_good_version_and_knows_that_it_can_not_tell(
    path: Path, content: bytes | str | None
) -> None:
    other = path.with_name("other.toml")
    add(other, "beijing")
    token = add(path)
    good = path.read_bytes()
    file = SourcesFile(path, Ticks())
    match content:
        case None:
            path.unlink()
        case bytes():
            path.write_bytes(content)
        case _:
            path.write_bytes(other.read_bytes())  # an active source is gone, without a tombstone
    found = file.by_token(token)
    assert found is not None
    with pytest.raises(SourcesError):
        file.by_token("unknown")
    path.write_bytes(good + b"\n")
    assert file.by_token("unknown") is None
    assert file.problem is None


def test_a_file_that_could_not_be_read_once_is_read_again_though_it_has_not_changed(path: Path) -> None:
    add(path, "first")
    file = SourcesFile(path, Ticks())
    token = add(path)
    free = os.dup(0)
    os.close(free)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))
    try:
        with pytest.raises(SourcesError, match="can't be read: Too many open files"), capture_logs() as logs:
            file.by_token(token)
        with pytest.raises(SourcesError), capture_logs() as more:
            file.by_token(token)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [entry["log_level"] for entry in logs + more] == ["error"], "told once"
    assert file.by_token(token) is not None
    assert file.problem is None


def test_a_file_of_the_same_size_and_date_is_another(path: Path) -> None:
    token = add(path)
    file = SourcesFile(path, Ticks())
    before = path.stat()
    other = re.sub(
        rb'token_sha256 = "[0-9a-f]{64}"', b'token_sha256 = "' + b"0" * 64 + b'"', path.read_bytes()
    )
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # until the file system's clock has moved on
        path.write_bytes(other)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.newest().by_token(token) is None


def test_without_any_good_version_no_token_is_wrong(path: Path) -> None:
    file = SourcesFile(path, Ticks())
    with pytest.raises(SourcesError):
        file.by_token("unknown")
    token = add(path)
    assert file.by_token(token) is not None
    assert file.by_token("unknown") is None
    sources.remove(path, "shanghai")
    assert file.by_token("unknown") is None, "a removed source leaves a trace"
