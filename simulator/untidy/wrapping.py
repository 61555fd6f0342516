"""The same fields in other bytes: the row stays the same."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlencode

import orjson

from simulator.shapes import FORM, JSON, Request, request_of
from simulator.untidy.told import Told

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook

BOM = b"\xef\xbb\xbf"
MEMO = "first line\nsecond\tline"


def compressed(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A relay compresses the body; some name no Content-Encoding."""
    tidy = request_of(webhook.fields, webhook.shape)
    if not tidy.body:
        return None
    name, pack = rng.choice((("gzip", _gzipped), ("deflate", zlib.compress), ("", _gzipped)))
    headers = (("Content-Encoding", name),) if name else ()
    return Told(replace(tidy, body=pack(tidy.body), headers=headers))


def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def mislabelled(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """The Content-Type is wrong, names a wrong charset, or is missing."""
    tidy = request_of(webhook.fields, webhook.shape)
    if webhook.shape not in {"json", "urlencoded"}:
        return None
    other = FORM if webhook.shape == "json" else JSON
    charset = f"{tidy.content_type}; charset=windows-1251"
    return Told(replace(tidy, content_type=rng.choice((other, "text/plain", "", charset))))


def as_json(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """JSON written by hand, or encoded twice."""
    if webhook.shape not in {"json", "detail"}:
        return None
    json = orjson.dumps(webhook.fields)
    content_type, body = rng.choice(
        (
            (JSON, BOM + json),
            (FORM, json + b"="),
            (FORM, quote_plus(json).encode()),
            (FORM, b"detail=" + json),
            (FORM, b"detail=" + quote_plus(json).encode()),
            (JSON, b'{"detail":' + json + b"}"),
            (JSON, json.replace(b'"', b'\\"')),
            (JSON, b'{"memo":"' + MEMO.encode() + b'",' + json[1:]),
            (JSON, json[:-1] + b",}"),
        )
    )
    return Told(Request("POST", content_type, body))


def twice_in_one(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """An array, or a line each: a sender's queue sends what has piled up, and some of it twice."""
    json = orjson.dumps(webhook.fields)
    body = rng.choice((b"[" + json + b"]", b"[" + json + b"," + json + b"]", json + b"\n" + json + b"\n"))
    return Told(Request("POST", JSON, body))


def in_another_case(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """Field names as the sender's framework spells them."""
    change = rng.choice((str.lower, str.upper, str.title))
    return Told(request_of({change(name): value for name, value in webhook.fields.items()}, webhook.shape))


def by_another_url(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A slash at the end of the URL, or parameters of the customer's own."""
    tidy = request_of(webhook.fields, webhook.shape)
    if rng.random() < 0.5:
        return Told(replace(tidy, suffix="/"))
    return Told(replace(tidy, query=f"myid=175&{tidy.query}".rstrip("&")))


def by_a_strange_query(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A query escaped as in HTML, appended to another one, or with unescaped plus signs."""
    if webhook.shape not in {"query", "urlencoded"}:
        return None
    text = urlencode(webhook.fields, quote_via=quote)
    changed = rng.choice(
        (text.replace("&", "&amp;"), text.replace("%2B", "+"), f"myid=175?{text}", f"{text}&", f"?{text}")
    )
    if webhook.shape == "query":
        return Told(Request("GET", "", b"", changed))
    if "?" in changed:
        return Told(Request("POST", FORM, b"", changed))
    return Told(Request("POST", FORM, changed.encode()))


def elsewhere(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """A GET whose form is in its body, a POST whose form is in its URL."""
    if webhook.shape not in {"query", "urlencoded"}:
        return None
    text = urlencode(webhook.fields)
    if rng.random() < 0.5:
        return Told(Request("GET", FORM, text.encode()))
    return Told(Request("POST", FORM, b"", text))
