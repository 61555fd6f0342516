"""Whatever comes in, through the whole running stack: its answer, and what analysts see of it afterwards."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx
import orjson
import pytest

from runtime import sources
from tests.chaos.stack import Stages
from tests.rows import count, select
from tests.samples.documents import CDR_001, RING_000
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from tests.rows import Row

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MEGABYTES_20 = 20 * 1024 * 1024
LARGEST = 512 * 1024
LONG = "9" * 40


@dataclass(frozen=True)
class Bad:
    """A request that no document describes, and what becomes of it."""

    payload: bytes
    content_type: str = JSON
    query: bytes = b""
    method: str = "POST"
    stage: str = ""
    """Which stage rejects it; '' if it is accepted all the same."""
    codes: tuple[str, ...] = ()
    """Of all reasons, in their order."""


def ring(**changed: object) -> bytes:
    return orjson.dumps({**RING_000, **changed})


def cdr(**changed: object) -> bytes:
    return orjson.dumps({**CDR_001, **changed})


def undecodable(payload: bytes, code: str, content_type: str = JSON, **more: Any) -> Bad:
    return Bad(payload, content_type, stage="ingest", codes=(code,), **more)


def meaningless(payload: bytes, *codes: str, content_type: str = JSON) -> Bad:
    return Bad(payload, content_type, stage="normalize", codes=codes)


BAD: dict[str, Bad] = {
    "malformed JSON": undecodable(b'{"uuid": "x", "status": "ring"', "malformed-json"),
    "JSON with something behind it": meaningless(b'{"uuid": "x"} {"uuid": "y"}', "missing"),
    "wrong UTF-8": meaningless(b'{"uuid": "\xff\xfe", "status": "ring"}', "malformed-text"),
    "wrong UTF-8 in a form": meaningless(b"uuid=%FF%FE&status=ring", "malformed-text", content_type=FORM),
    "wrong UTF-8 in the URL": Bad(ring(), query=b"a=%FF"),
    "a surrogate as UTF-8 can't say it": meaningless(
        b'{"uuid": "\xed\xa0\x80"}', "malformed-text", "missing"
    ),
    "a lone surrogate": meaningless(b'{"uuid": "\\ud800", "status": "ring"}', "malformed-text"),
    "a lone surrogate as a name": meaningless(b'{"\\udc00": 1}', "missing", "missing"),
    "objects 10,000 deep": undecodable(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too-deep"),
    "arrays 10,000 deep": undecodable(b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too-deep"),
    "arrays 10,000 deep in a form": undecodable(
        b"detail=" + quote('{"a":' + "[" * 10_000 + "]" * 10_000 + "}").encode(), "too-deep", FORM
    ),
    "NaN": meaningless(b'{"uuid": "x", "duration": NaN}', "missing"),
    "Infinity": meaningless(b'{"uuid": "x", "duration": -Infinity}', "missing"),
    "spaces alone": undecodable(b" \r\n\t", "empty"),
    "an empty detail": undecodable(b"detail=", "empty", FORM),
    "an array": meaningless(b'[{"uuid": "x"}]', "missing"),
    "no text at all": undecodable(b"\x00\xff\x80" * 99, "not-an-object", "application/octet-stream"),
    "a form that breaks off": undecodable(
        b'--b\r\nContent-Disposition: form-data; name="uuid"\r\n\r\nx',
        "malformed-multipart",
        "multipart/form-data; boundary=b",
    ),
    "no fields": meaningless(b"{}", "missing", "missing"),
    "missing ids": meaningless(orjson.dumps({"status": "ring"}), "missing"),
    "ids that are none": meaningless(ring(uuid={"a": 1}, buuid=["b"]), "malformed-id", "malformed-id"),
    "an id of 300 letters": Bad(ring(uuid="x" * 300)),
    "an id with a line feed": Bad(ring(uuid="x\ny")),
    "an unknown status": meaningless(ring(status="sneeze"), "unknown-status"),
    "an unknown status and no id": meaningless(b'{"status": "sneeze"}', "missing", "unknown-status"),
    "a day that does not exist": Bad(cdr(starttime="2021-02-30 10:00:03")),
    "an hour that does not exist": Bad(cdr(endtime="2021-02-09 25:00:00")),
    "times that are none": Bad(cdr(starttime="yesterday", endtime="\x00")),
    "a year too far": Bad(ring(starttime="99999999999")),
    "a bill below nothing": Bad(cdr(duration=-5, billsec=-1)),
    "a form of control characters": meaningless(
        b"status=ring&uuid=x&a=" + b"%01" * 160_000, "too-long", content_type=FORM
    ),
    "numbers beyond 64 bits": Bad(
        b'{"uuid": %s, "status": "ring", "n": -%s, "m": 1e999}' % (LONG.encode(), LONG.encode())
    ),
    "unknown fields": Bad(ring(uuid="unknown-fields", 中={"b": [None, 1.5]}, nul="a\x00b")),
    "strange times that nobody needs": Bad(cdr(uuid="strange", answertime="0", starttime="")),
    "the largest body": Bad(ring(uuid="largest", a="").replace(b'"a":""', b'"a":"%s"' % (b"x" * 523_800))),
    "a query of wide characters": Bad(
        urlencode({"status": "ring", "uuid": "wide", "caller": "中\u202e\U0001f4de"}).encode(),
        "",
        method="GET",
    ),
}


def send(client: httpx.Client, url: str, bad: Bad) -> httpx.Response:
    query = bad.payload if bad.method == "GET" else bad.query
    return client.request(
        bad.method,
        f"{url}?{query.decode()}" if query else url,
        content=None if bad.method == "GET" else bad.payload,
        headers={"Content-Type": bad.content_type} if bad.content_type else {},
    )


def archived(settings: Settings) -> dict[str, Row]:
    """What is kept, byte for byte, by the callback's id."""
    rows = select(
        settings,
        "SELECT id, status, stage, reasons, method, content_type, hex(payload) AS payload, "
        "hex(query) AS query FROM callbacks",
    )
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture
def stages(chaos_settings: Settings, tmp_path: Path) -> Stages:
    return Stages(chaos_settings, tmp_path)


def test_bad_input_gets_its_answer_and_is_kept(chaos_settings: Settings, stages: Stages) -> None:
    settings = chaos_settings
    token = sources.add(settings.sources_file, "pbx", "acme", "common-api", "Asia/Shanghai")
    base = f"http://127.0.0.1:{settings.ingest.port}/callbacks/"
    with stages, httpx.Client(timeout=60) as client:
        answers = {name: send(client, base + token, bad) for name, bad in BAD.items()}
        for name, answer in answers.items():
            expected = 400 if BAD[name].stage == "ingest" else 200
            assert answer.status_code == expected, f"{name}: {answer.status_code} {answer.text}"
        ids = {name: answer.json()["id"] for name, answer in answers.items()}
        assert_refused_unread(client, base, token, stages)
        wrong: dict[str, object] = {}

        def all_visible() -> bool:
            rows = archived(settings)
            wrong.clear()
            wrong.update(
                {name: rows.get(ids[name]) for name in BAD if not is_right(BAD[name], rows.get(ids[name]))}
            )
            return not wrong

        with contextlib.suppress(AssertionError):
            eventually(all_visible, "every callback is archived as it came")
        assert wrong == {}
        rows = archived(settings)
        assert len(rows) == len(BAD), "what was refused unread is not kept"
        for name, bad in BAD.items():
            if bad.stage == "ingest":
                told = [tuple(error.values()) for error in answers[name].json()["errors"]]
                assert told == rows[ids[name]]["reasons"], name
        assert_accepted_ones_are_calls(settings, ids)
        assert count(settings, "SELECT count() FROM dead_letters") == 0
        assert stages.exits() == {}
        client.post(base + token, content=ring(uuid="afterwards", buuid=""))
        afterwards = "SELECT count() FROM calls WHERE call_id = 'afterwards'"
        eventually(partial(is_one, settings, afterwards, {}), "all goes on")


def is_right(bad: Bad, row: Row | None) -> bool:
    return row is not None and (
        row["status"] == ("rejected" if bad.stage else "accepted")
        and row["stage"] == bad.stage
        and tuple(code for _, code, _ in row["reasons"]) == bad.codes
        and all(sentence for _, _, sentence in row["reasons"])
        and row["method"] == bad.method
        and row["content_type"] == bad.content_type
        and bytes.fromhex(row["payload"]) == bad.payload
        and bytes.fromhex(row["query"]) == bad.query
    )


def is_one(settings: Settings, query: str, parameters: Row) -> bool:
    return count(settings, query, parameters) == 1


def assert_accepted_ones_are_calls(settings: Settings, ids: dict[str, str]) -> None:
    accepted = {ids[name] for name, bad in BAD.items() if not bad.stage}

    def said() -> set[str]:
        rows = select(settings, "SELECT arrayJoin(callback_ids) AS id FROM call_events")
        return {row["id"] for row in rows}

    eventually(lambda: said() == accepted, "exactly the accepted ones are events")
    calls = "SELECT count() FROM calls WHERE has(legs, %(leg)s)"
    for leg in (LONG, "unknown-fields", "strange", "largest", "wide"):
        eventually(partial(is_one, settings, calls, {"leg": leg}), f"{leg} is a call")
    extra = select(
        settings,
        "SELECT extra FROM call_events WHERE has(callback_ids, %(id)s)",
        {"id": ids["unknown fields"]},
    )
    assert orjson.loads(extra[0]["extra"])["中"] == {"b": [None, 1.5]}
    assert orjson.loads(extra[0]["extra"])["nul"] == "a\x00b"
    big = select(
        settings,
        "SELECT extra FROM call_events WHERE has(callback_ids, %(id)s)",
        {"id": ids["numbers beyond 64 bits"]},
    )
    assert orjson.loads(big[0]["extra"]) == {"n": f"-{LONG}", "m": "1e999"}


def assert_refused_unread(client: httpx.Client, base: str, token: str, stages: Stages) -> None:
    """404, 405, 413, 414: counted, and nothing else."""
    last = "A" if token[-1] != "A" else "B"
    before = refused(stages)
    answers = {
        404: client.post(f"{base}{token[:-1]}{last}", content=ring()),
        405: client.put(base + token, content=ring()),
        414: client.post(f"{base}{token}?a={'x' * 20_000}", content=ring()),
    }
    assert [answer.status_code for answer in answers.values()] == list(answers)
    assert announce(stages.settings.ingest.port, f"/callbacks/{token}", MEGABYTES_20).startswith(
        b"HTTP/1.1 413 "
    )
    after = refused(stages)
    assert {status: after[status] - before.get(status, 0) for status in (404, 405, 413, 414)} == {
        404: 1, 405: 1, 413: 1, 414: 1,
    }  # fmt: skip


def announce(port: int, path: str, length: int) -> bytes:
    """A body of this length is on its way: the answer comes before all of it is there."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        with contextlib.suppress(OSError):  # refused unread: the server has closed its side
            connection.sendall(b"x" * length)
        with contextlib.suppress(OSError):
            return connection.recv(65536)
    return b""


def refused(stages: Stages) -> dict[int, int]:
    """How many requests got which answer unread."""
    text = stages.by_name["ingest"].metrics()
    found = re.findall(r'callweave_ingest_refused_total\{status="(\d+)"\} (\d+)', text)
    return {int(status): int(counted) for status, counted in found}
