"""A connection however its bytes come: the same requests, each whole, or none."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.connection import MAX_HEAD_BYTES, NEVER, Connection, Phase
from runtime.settings import IngestSettings
from tests.scale import examples

if TYPE_CHECKING:
    from ingest.wsgi import Request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("203.0.113.7", 1) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        """Whoever sends goes on all the same: what has left can't be held back."""

    def resume_reading(self) -> None:
        """The same."""


class Place:
    """Where a connection stands: it answers when it is told."""

    def __init__(self) -> None:
        self.limits = IngestSettings(max_body_bytes=2048)
        self.stopping = False
        self.buffered = 0
        self.now = 0.0
        self.taken: list[tuple[str, bytes, bytes]] = []
        self.waiting: list[tuple[Connection, Request]] = []

    def enter(self, connection: Connection) -> bool:
        return connection is not None

    def leave(self, connection: Connection) -> None:
        """Nobody counts."""

    def make_room(self, but: Connection) -> None:
        """There is enough."""

    def work(self, connection: Connection, request: Request) -> None:
        self.taken.append((request.method, request.target, request.body))
        self.waiting.append((connection, request))

    def answer(self) -> None:
        """All that wait."""
        while self.waiting:
            connection, request = self.waiting.pop(0)
            connection.answered(ANSWER, request)


def received(pieces: list[bytes], *, at_once: bool = True) -> tuple[Place, Wire, Connection]:
    """What becomes of bytes that come in these pieces; answered at once, or when all have come."""
    place, wire = Place(), Wire()
    connection = Connection(place)
    connection.connection_made(wire)
    for piece in pieces:
        connection.data_received(piece)
        if at_once:
            place.answer()
    place.answer()
    return place, wire, connection


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut into pieces at these places."""
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


BODIES = st.binary(max_size=200)
CUTS = st.lists(st.integers(0, 1 << 20), max_size=8)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, tuple[str, bytes, bytes]]:
    """The bytes of a request, and what it says."""
    body, target = draw(BODIES), draw(st.sampled_from([b"/callbacks/t", b"/callbacks/t?a=1&b=%20"]))
    head = b"POST " + target + b" HTTP/1.1\r\nHost: x\r\n"
    if draw(st.booleans()):
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, ("POST", target, body)
    parts = [part for part in pieces_of(body, draw(CUTS)) if part]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", ("POST", target, body)


@given(sent=st.lists(requests(), max_size=4), cuts=CUTS, at_once=st.booleans())
@examples(200, 10_000)
def test_pieces_make_no_difference(
    sent: list[tuple[bytes, tuple[str, bytes, bytes]]], cuts: list[int], *, at_once: bool
) -> None:
    data = b"".join(request for request, _ in sent)
    place, wire, connection = received(pieces_of(data, cuts), at_once=at_once)
    assert place.taken == [said for _, said in sent]
    assert wire.written == ANSWER * len(sent)
    assert not wire.closed
    assert place.buffered == 0
    assert connection.phase is Phase.IDLE
    assert connection.deadline < NEVER


@given(requests(), st.integers(0, 1 << 20), CUTS)
@examples(200, 10_000)
def test_a_request_that_breaks_off_is_none(
    sent: tuple[bytes, tuple[str, bytes, bytes]], cut: int, cuts: list[int]
) -> None:
    data = sent[0][: cut % len(sent[0])]
    place, wire, connection = received(pieces_of(data, cuts))
    assert place.taken == []
    assert wire.written == b""
    connection.connection_lost(None)
    assert place.buffered == 0


@given(st.lists(requests(), min_size=1, max_size=3), st.data())
@examples(300, 20_000)
def test_whatever_comes_nothing_breaks_and_a_refusal_ends_it(
    sent: list[tuple[bytes, tuple[str, bytes, bytes]]], data: st.DataObject
) -> None:
    damaged = bytearray(b"".join(request for request, _ in sent))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    place, wire, connection = received(pieces_of(bytes(damaged), data.draw(CUTS)))
    answered = wire.written.count(ANSWER)
    assert answered == len(place.taken)
    rest = wire.written.replace(ANSWER, b"")
    assert (rest == b"") or (wire.closed and rest.startswith(b"HTTP/1.1 4"))
    before = len(place.taken)
    if wire.closed:
        connection.data_received(sent[0][0])
        assert len(place.taken) == before, "after a refusal nothing is read"
    assert place.buffered >= 0


@given(st.binary(max_size=300), CUTS)
@examples(200, 10_000)
def test_bytes_that_are_no_http_harm_nobody(noise: bytes, cuts: list[int]) -> None:
    place, wire, _ = received(pieces_of(noise, cuts))
    assert place.taken == []
    assert wire.written == b"" or wire.written.startswith(b"HTTP/1.1 4")


CHUNKED = b"POST /callbacks/t HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
TARGET = "/callbacks/t"


@pytest.mark.parametrize(
    ("begun", "endless"),
    [
        (b"1\r\na\r\n0\r\nX: ", b"a"),
        (b"1\r\na\r\n0\r\n", b"a"),
        (b"1\r\na\r\n0\r\n", b"X: a\r\n"),
        (b"0\r\nX: ", b"a"),
        (b"1;", b"a"),
    ],
    ids=["a trailer's value", "a trailer's name", "many trailers", "no body", "a chunk's extension"],
)
@pytest.mark.parametrize("size", [1460, 262_144])
def test_an_endless_trailer_is_refused(begun: bytes, endless: bytes, size: int) -> None:
    sent = CHUNKED + begun + endless * (4 * MAX_HEAD_BYTES)
    place, wire, _ = received(pieces_of(sent[: 4 * MAX_HEAD_BYTES], list(range(0, 4 * MAX_HEAD_BYTES, size))))
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert place.taken == []


@given(CUTS)
@examples(20, 1000)
def test_small_chunks_with_long_extensions_are_a_body(cuts: list[int]) -> None:
    body = b"a" * 2000
    chunks = b"1;" + b"e" * 60 + b"\r\na\r\n"
    assert len(chunks) * len(body) > MAX_HEAD_BYTES
    place, _, _ = received(pieces_of(CHUNKED + chunks * len(body) + b"0\r\nX: a\r\n\r\n", cuts))
    assert place.taken == [("POST", TARGET.encode(), body)]


@given(
    over=st.integers(-300, 300),
    long_header=st.booleans(),
    size=st.integers(1000, 80_000),
    behind=st.booleans(),
)
@examples(50, 2000)
def test_a_head_is_as_long_whatever_its_pieces(
    *, over: int, long_header: bool, size: int, behind: bool
) -> None:
    """Behind another request, too: then nobody but llhttp knows where it begins."""
    around = [b"GET /callbacks/t?", b" HTTP/1.1\r\nHost: x\r\nX: ", b"\r\n\r\n"]
    around.insert(1 + long_header, b"a" * (MAX_HEAD_BYTES + over - sum(map(len, around))))
    before = b"GET /callbacks/t HTTP/1.1\r\n\r\n" * behind
    sent = before + b"".join(around)
    place, wire, _ = received(pieces_of(sent, list(range(0, len(sent), size))))
    assert len(place.taken) == behind + (over <= 0)
    assert wire.written.removeprefix(ANSWER * behind)[:13] == (
        ANSWER[:13] if over <= 0 else b"HTTP/1.1 431 " if long_header else b"HTTP/1.1 414 "
    )


def test_the_longest_query_leaves_room_for_headers() -> None:
    limits = IngestSettings.model_json_schema()["properties"]["max_query_bytes"]
    assert limits["maximum"] <= MAX_HEAD_BYTES - 16_384


def test_each_phase_has_its_time() -> None:
    place, wire = Place(), Wire()
    connection = Connection(place)
    connection.connection_made(wire)
    assert connection.deadline == place.limits.header_seconds
    connection.data_received(b"POST / HTTP/1.1\r\n")
    assert (connection.phase, connection.deadline) == (Phase.HEAD, place.limits.header_seconds)
    place.now = 5.0
    connection.data_received(b"Content-Length: 2\r\n\r\n{")
    assert (connection.phase, connection.deadline) == (Phase.BODY, 5.0 + place.limits.body_seconds)
    place.now = 6.0
    connection.data_received(b"")
    assert connection.deadline == 5.0 + place.limits.body_seconds, "a byte now and then gains no time"
    connection.data_received(b"}")
    assert (connection.phase, connection.deadline) == (Phase.ANSWER, NEVER)
    place.answer()
    assert (connection.phase, connection.deadline) == (Phase.IDLE, 6.0 + place.limits.keep_alive_seconds)
    connection.data_received(b"POST")
    place.now = 99.0
    connection.overdue()
    assert wire.written.endswith(b"}\n")
    assert b"HTTP/1.1 408 " in wire.written
