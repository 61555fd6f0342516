"""The sender against real sockets: retries, time-outs, and a ledger that has it all."""

from __future__ import annotations

import asyncio
import stat
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from runtime.errors import CallweaveError
from simulator.connection import Connection, Endpoint, NoAnswerError
from simulator.ledger import EXPECTED, SENT, Ledger, lines
from simulator.misbehaviour import Misbehaviour
from simulator.run import Wishes, run
from simulator.sending import Manner, Tally, callback_id
from simulator.shapes import Request
from tests.simulator.server import answer, scripted
from tests.simulator.test_traffic import SENDERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = Manner(speedup=1e6, connections=4, retries=3, patience=30)


def sent_to(
    url: str, folder: Path, manner: Manner = QUICK, **wishes: Any
) -> tuple[Tally, list[dict[str, Any]], list[dict[str, Any]]]:
    """A run to one URL: what came of it, and the ledger's two files."""
    tally = Tally()
    endpoints = {each.source: Endpoint.of(url) for each in SENDERS}
    wanted = Wishes(calls=wishes.pop("calls", 20), rate=1e6, manner=manner, **wishes)
    with Ledger(folder) as ledger:
        asyncio.run(run(wanted, SENDERS, endpoints, ledger, tally, now=time.time_ns() // 1000))
    return tally, list(lines(folder / SENT)), list(lines(folder / EXPECTED))


def test_everything_is_sent_once_on_kept_connections(tmp_path: Path) -> None:
    with scripted(lambda number: answer(body=b'{"status":"accepted","id":"%d"}' % number)) as server:
        tally, sent, expected = sent_to(server.url, tmp_path / "new" / "ledger")
    assert len(server.requests) == tally.through == tally.planned == len(sent)
    assert server.connections == 4
    assert len(expected) == 20
    assert {each["id"] for each in sent} == {str(number + 1) for number in range(len(sent))}
    assert {(each["status"], each["attempt"], each["why"]) for each in sent} == {(200, 1, "told")}
    assert all(each["sent_at"] <= each["answered_at"] for each in sent)
    assert all(each["unacknowledged"] == 0 for each in expected)
    for name in (SENT, EXPECTED):
        assert stat.S_IMODE((tmp_path / "new" / "ledger" / name).stat().st_mode) == 0o600
    posts = Counter(request.split(b" ", 1)[0] for request in server.requests)
    assert set(posts) == {b"GET", b"POST"}


def test_nothing_is_sent_before_it_happened(tmp_path: Path) -> None:
    with scripted(lambda _: answer()) as server:
        tally, endpoints = Tally(), {each.source: Endpoint.of(server.url) for each in SENDERS}
        wishes = Wishes(calls=30, rate=200, manner=Manner(speedup=500, patience=60))
        with Ledger(tmp_path) as ledger:
            asyncio.run(run(wishes, SENDERS, endpoints, ledger, tally, now=time.time_ns() // 1000))
    sent_at = {(each["call_id"], each["webhook"]): each["sent_at"] for each in lines(tmp_path / SENT)}
    for each in lines(tmp_path / EXPECTED):
        assert each["columns"]["started_at"] <= sent_at[each["columns"]["call_id"], 0]
        last = max(at for (call_id, _), at in sent_at.items() if call_id == each["columns"]["call_id"])
        assert each["columns"]["ended_at"] <= last


def test_the_ledger_has_every_duplicate_and_every_broken_copy(tmp_path: Path) -> None:
    how = Misbehaviour(duplicates=0.2, malformed=0.2, lost_hangups=0.3, shuffle=10_000_000)
    with scripted(lambda _: answer(400)) as server:
        tally, sent, expected = sent_to(server.url, tmp_path, misbehaviour=how, calls=60)
    assert len(sent) == len(server.requests) == tally.through
    assert tally.retried == 0  # what is answered with a 4xx is never sent again
    whys = Counter(each["why"] for each in sent)
    assert set(whys) == {"told", "duplicate", "malformed"}
    assert sum(each["unacknowledged"] for each in expected) == whys["told"] + whys["duplicate"]


@pytest.mark.parametrize("trouble", [answer(503, b"", b"retry-after: 0"), None, answer(500, b"oops")])
def test_a_server_error_or_no_answer_is_tried_again(tmp_path: Path, trouble: bytes | None) -> None:
    with scripted(lambda number: trouble if number % 5 == 0 else answer()) as server:
        tally, sent, expected = sent_to(server.url, tmp_path, calls=8)
    assert tally.retried >= 1
    assert len(sent) == tally.through + tally.retried
    assert len(server.requests) == len(sent)
    assert {each["unacknowledged"] for each in expected} == {0}
    again = [each for each in sent if each["attempt"] == 2]
    firsts = {(each["call_id"], each["webhook"]) for each in sent if each["status"] != 200}
    assert {(each["call_id"], each["webhook"]) for each in again} == firsts


def test_what_is_never_acknowledged_is_given_up_and_said(tmp_path: Path) -> None:
    manner = Manner(speedup=1e6, connections=2, retries=1, patience=30)
    with scripted(lambda _: answer(503, b"", b"retry-after: 0")) as server:
        tally, sent, expected = sent_to(server.url, tmp_path, manner, calls=3)
    assert len(sent) == 2 * tally.through
    assert sum(each["unacknowledged"] for each in expected) == tally.through
    assert tally.statuses == {503: len(sent)}


def test_an_answer_that_takes_too_long_is_none(tmp_path: Path) -> None:
    manner = Manner(speedup=1e6, connections=2, retries=0, patience=0.05)
    with scripted(lambda _: b"") as server:
        tally, sent, expected = sent_to(server.url, tmp_path, manner, calls=1)
    assert {each["status"] for each in sent} == {None}
    assert tally.statuses == {None: len(sent)}
    assert expected[0]["between"]["last_received_at"][1] is None  # it may have come, nobody knows when


def exchanged(script: Callable[[int], bytes | None], count: int = 1) -> list[tuple[int, bytes]]:
    """The answers to some requests on one connection."""

    async def main(url: str) -> list[tuple[int, bytes]]:
        endpoint = Endpoint.of(url)
        connection = Connection(endpoint.server)
        found = []
        for _ in range(count):
            told = await connection.exchange(endpoint.request(Request("POST", "text/plain", b"hello")), 30)
            found.append((told.status, told.body))
        connection.close()
        return found

    with scripted(script) as server:
        return asyncio.run(main(server.url))


def test_bodies_of_a_length_in_chunks_and_none_are_read() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"
    )
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    told = {1: answer(200, b"one"), 2: chunked, 3: empty, 4: answer(200, b"four", b"connection: close")}
    found = exchanged(lambda number: told.get(number, answer(200, b"more")), 5)
    assert found == [(200, b"one"), (200, b"hello0123456789"), (204, b""), (200, b"four"), (200, b"more")]


@pytest.mark.parametrize(
    "told", [None, b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"]
)
def test_what_is_no_answer_is_one_error(told: bytes | None) -> None:
    with pytest.raises(NoAnswerError):
        exchanged(lambda _: told)


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_anew() -> None:
    async def main(url: str) -> list[bytes]:
        endpoint = Endpoint.of(url)
        connection, bodies = Connection(endpoint.server), []
        for _ in range(3):
            told = await connection.exchange(endpoint.request(Request("POST", "text/plain", b"hello")), 30)
            bodies.append(told.body)
            async with asyncio.timeout(60):
                while not connection.stale:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)
        connection.close()
        return bodies

    with scripted(lambda number: answer(200, b"%d" % number), hangs_up=True) as server:
        assert asyncio.run(main(server.url)) == [b"1", b"2", b"3"]
    assert server.connections == 3


def test_a_url_is_taken_apart() -> None:
    endpoint = Endpoint.of("https://example.org/callbacks/t?myid=175")
    assert endpoint.server == ("example.org", 443, True)
    request = endpoint.request(Request("GET", "", b"", "EventType=hangup"))
    assert request.startswith(
        b"GET /callbacks/t?myid=175&EventType=hangup HTTP/1.1\r\nHost: example.org:443\r\n"
    )
    assert (
        Endpoint.of("http://[::1]:80")
        .request(Request("GET", "", b"", "a=b"))
        .startswith(b"GET /?a=b HTTP/1.1\r\nHost: [::1]:")
    )


@pytest.mark.parametrize(
    "url", ["example.org/secret", "ftp://example.org/secret", "http://h:secret/x", "http:///secret"]
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(CallweaveError) as error:
        Endpoint.of(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("body", "found"),
    [(b'{"id":"a"}', "a"), (b'{"id":1}', None), (b"[]", None), (b"<html>", None), (b"", None)],
)
def test_an_answers_id_is_read(body: bytes, found: str | None) -> None:
    assert callback_id(body) == found
