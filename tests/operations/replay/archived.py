"""An archive with its events and calls, made without Kafka."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from operations.replay.archive import Archived
from operations.replay.rebuild import Rebuild
from operations.replay.ties import Ties
from processors.normalize.step import normalize
from sinks.store import Store
from tests.kit import callbacks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from operations.reading import Read
    from processors.normalize.step import Normalized, Rejected
    from runtime.settings import Settings
    from schemas.callbacks import Callback

START = 1_700_000_000_000_000
SECRET = b"the source signs with this"


def read(callback: Callback) -> Normalized | Rejected:
    """As the normalizer does."""
    return normalize(callback, "common-api", ZoneInfo("Asia/Shanghai"))


def status(number: int, kind: str, *legs: str, source: str = "pbx", account: str = "acme") -> Archived:
    """The callback with this number: one second after the one before."""
    fields = {
        "status": kind,
        "isbleg": "false",
        "type": "call",
        "caller": "13800138000",
        "callee": "87847569524",
        "starttime": str(START // 1_000_000),
        **dict(zip(("uuid", "buuid"), legs, strict=False)),
    }
    return posted(number, orjson.dumps(fields), source=source, account=account)


def posted(number: int, payload: bytes, *, source: str = "pbx", account: str = "acme") -> Archived:
    callback = callbacks.posted(
        payload,
        id=f"callback-{number:03}",
        source=source,
        account=account,
        received_at=START + number * 1_000_000,
        query=b"shop=1",
        revision=number,
        kept_headers=orjson.dumps({"x-signature": hmac.new(SECRET, payload, "sha256").hexdigest()}),
    )
    return Archived(callback, (), "", "callbacks.raw", number % 4, number // 4)


def store(settings: Settings, folder: Path, archive: Iterable[Archived], rule: Read = read) -> None:
    """All tables as the running pipeline would fill them."""
    page = list(archive)
    sink = Store(settings)
    try:
        with Ties(folder / "ties") as ties:
            rebuild = Rebuild(settings, sink, ties, rule)
            rebuild.callbacks(page)
            rebuild.flush()
            rebuild.tie()
            for call in ties.calls():
                rebuild.call(call)
            rebuild.flush()
    finally:
        sink.close()
