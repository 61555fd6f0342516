"""Reading the archive, on a real ClickHouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from ingest.senders import objection
from operations.replay.archive import FIRST, Selection, count, one, pages
from operations.replay.rejected import groups
from runtime import clickhouse
from runtime.senders import Sender
from schemas.callbacks import Replayed
from schemas.times import SECOND
from sinks.span import Span
from tests.operations.replay.archived import SECRET, START, posted, status, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clickhouse_driver import Client

    from operations.replay.archive import Archived, Key
    from runtime.settings import Settings

WRONG = b'{"status": "sneeze", "\xff": 1}'
ARCHIVE = [
    status(0, "ring", "a", "b"),
    status(1, "ring", "c"),
    status(2, "answer", "a", "b"),
    posted(3, WRONG),
    status(4, "ring", "e", source="other"),
    status(5, "hangup", "b"),
    status(6, "hangup", "e", source="other", account="zebra"),
    posted(7, b'{"status": "sneeze", "uuid": "a"}'),
]


@pytest.fixture(scope="module")
def settings(module_settings: Settings) -> Settings:
    """A database that has `ARCHIVE`; nobody here changes it."""
    store(module_settings, module_settings.data, ARCHIVE)
    return module_settings


@pytest.fixture
def reader(settings: Settings) -> Iterator[Client]:
    """A client that gives bytes."""
    with clickhouse.connected(settings.clickhouse, as_bytes=True) as client:
        yield client


def selected(client: Client, selection: Selection, page: int = 3, after: Key = FIRST) -> list[Archived]:
    return [
        each for some in pages(client, selection.where(), selection.values(), after, page) for each in some
    ]


def ids(archived: list[Archived]) -> list[str]:
    return [each.callback.id for each in archived]


@pytest.mark.parametrize("page", [1, 3, 8, 100])
def test_every_callback_comes_once_in_order_and_as_it_was(reader: Client, page: int) -> None:
    found = selected(reader, Selection(), page)
    assert [each.callback for each in found] == [
        each.callback for each in sorted(ARCHIVE, key=lambda each: each.key)
    ]
    assert {each.topic for each in found} == {"callbacks.raw"}
    assert selected(reader, Selection(), page, after=found[3].key) == found[4:]


def test_a_signature_can_be_verified_from_the_archive(reader: Client, tmp_path: Path) -> None:
    """With nothing but the archived row and the source's secret."""
    (tmp_path / "secret").write_bytes(SECRET)
    signature = {"header": "X-Signature", "secret_files": [str(tmp_path / "secret")]}
    sender = Sender.model_validate({"signature": signature})
    for each in selected(reader, Selection()):
        headers, now = orjson.loads(each.callback.kept_headers), each.callback.received_at / SECOND
        assert objection(sender, each.callback.peer, headers, each.callback.payload, now) is None
        assert objection(sender, each.callback.peer, headers, b"forged", now) == "signature"


def test_a_selection_is_by_time_source_and_reason(reader: Client) -> None:
    span = Span(since=START + 2_000_000, until=START + 5_000_000)
    assert ids(selected(reader, Selection(span))) == ["callback-002", "callback-003", "callback-004"]
    other = Selection(Span(source="other"))
    assert ids(selected(reader, other)) == ["callback-004", "callback-006"]
    rejected = selected(reader, Selection(rejected=True))
    assert ids(rejected) == ["callback-003", "callback-007"]
    assert all(each.reasons and each.stage == "normalize" for each in rejected)
    nameless = Selection(rejected=True, code="missing")
    assert ids(selected(reader, nameless)) == ["callback-003"]
    assert count(reader, Selection()) == {"pbx": 6, "other": 2}


def test_one_callback_is_found_by_its_id(reader: Client) -> None:
    found = one(reader, "callback-003")
    assert found is not None
    assert found.callback.payload == WRONG
    assert found.replayed(9_000, 9) == Replayed(9_000, 9, found.reasons, "callbacks.raw", 3, 0)
    assert one(reader, "callback-999") is None


def test_rejected_ones_are_grouped_by_their_reasons(settings: Settings) -> None:
    with clickhouse.connected(settings.clickhouse) as client:
        found = groups(client, Selection(rejected=True))
        assert {(tuple(group.codes), group.callbacks, group.example) for group in found} == {
            (("missing", "unknown-status"), 1, "callback-003"),
            (("unknown-status",), 1, "callback-007"),
        }
        assert groups(client, Selection(Span(source="other"), rejected=True)) == []
