"""Whoever sends, and however: slow, silent, broken off, or no HTTP at all. No broker is needed."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.ingest.conftest import new_settings, new_token, running, spooled
from tests.servers import NO_KAFKA, NO_TLS, PATIENCE, at_rest, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings
    from tests.ingest.conftest import Ingress

pytestmark = pytest.mark.server  # the ingress is a process

HEADER_SECONDS, BODY_SECONDS, KEEP_ALIVE_SECONDS = 1.0, 4.0, 5.0
PEER_CONNECTIONS = 300


class Place:
    """An ingress that keeps everything in its spool."""

    def __init__(self, ingress: Ingress, settings: Settings, token: str) -> None:
        self.ingress = ingress
        self.settings = settings
        self.token = token

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        made = socket.socket()
        made.settimeout(PATIENCE)
        made.bind((address, 0))
        made.connect(("127.0.0.1", self.ingress.port))
        return made

    def head(self, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
        lines = [f"{method} /callbacks/{self.token} HTTP/{version}", "Host: x", *headers, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def say(self, *parts: bytes) -> bytes:
        """All that is answered until the server closes, or has nothing to say for a while."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            connection.settimeout(0.25)
            return everything(connection)

    def kept(self) -> list[bytes]:
        return sorted(callback.payload for callback in spooled(self.settings).values())


def everything(connection: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while more := connection.recv(65536):
            found += more
    return found


def statuses(answer: bytes) -> list[int]:
    return [int(number) for number in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("http")
    settings = new_settings(
        NO_KAFKA,
        folder,
        header_seconds=HEADER_SECONDS,
        body_seconds=BODY_SECONDS,
        keep_alive_seconds=KEEP_ALIVE_SECONDS,
        max_connections_per_peer=PEER_CONNECTIONS,
    )
    token = new_token(settings)
    with running(settings, folder) as ingress:
        yield Place(ingress, settings, token)


def silent_for(connection: socket.socket) -> float:
    """How long it was until the server closed."""
    start = time.monotonic()
    everything(connection)
    return time.monotonic() - start


def test_who_says_nothing_is_not_waited_for(place: Place) -> None:
    with place.connect() as silent, place.connect() as half:
        half.sendall(b"POST /callbacks/x HTTP/1.1\r\nHost")
        assert everything(silent) == b""
        assert statuses(everything(half)) == [408]


def test_a_body_that_does_not_come_is_not_waited_for(place: Place) -> None:
    with place.connect() as slow:
        slow.sendall(place.head("Content-Length: 10") + b"{")
        assert statuses(everything(slow)) == [408]
    assert b"{" not in place.kept()


def test_a_connection_rests_between_requests_for_longer_than_headers_may_take(place: Place) -> None:
    with place.connect() as connection:
        connection.sendall(place.head("Content-Length: 4") + b"{  }")
        eventually(lambda: b"\n" in connection.recv(65536), "an answer")
        time.sleep(HEADER_SECONDS + 0.6)
        connection.sendall(place.head("Content-Length: 5") + b"{   }")
        assert statuses(connection.recv(65536)) == [200]
        assert silent_for(connection) > HEADER_SECONDS + 1


def test_slow_bodies_of_one_source_keep_nobody_out(place: Place) -> None:
    """There are fewer threads than these."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(place.connect("127.0.0.2"))
            slow.sendall(place.head("Content-Length: 100") + b"{")
        start = time.monotonic()
        assert place.ingress.post(place.token, b"[1]").status_code == 400
        assert place.ingress.alive()
        assert time.monotonic() - start < at_rest(BODY_SECONDS / 2)


def test_silent_connections_of_one_address_keep_nobody_out(place: Place) -> None:
    """Not even others of the same address: one more than may be closes the one of no use for longest."""
    with httpx.Client(verify=NO_TLS) as client, contextlib.ExitStack() as stack:
        url = f"{place.ingress.url}/callbacks/{place.token}"
        assert client.post(url, json=[]).status_code == 400
        silent = [stack.enter_context(place.connect()) for _ in range(2 * PEER_CONNECTIONS)]
        assert client.post(url, json=[]).status_code == 400
        assert place.ingress.post(place.token, b"[2]").status_code == 400
        silent[0].settimeout(0.5)
        assert everything(silent[0]) == b""


@pytest.mark.parametrize("size", [b"5\r\nuuid=", b"5\r\nuuid=\r\n", b"5\r\nuuid=\r\n0\r\n"])
def test_a_chunked_body_that_breaks_off_is_not_taken(place: Place, size: bytes) -> None:
    before = len(place.kept())
    head = place.head("Transfer-Encoding: chunked", "Content-Type: application/x-www-form-urlencoded")
    with place.connect() as connection:
        connection.sendall(head + size)
        connection.shutdown(socket.SHUT_WR)
        assert 200 not in statuses(everything(connection))
    assert len(place.kept()) == before


def test_a_whole_chunked_body_is_taken(place: Place) -> None:
    answer = place.say(place.head("Transfer-Encoding: chunked"), b'3\r\n{"c', b'\r\n5\r\n":1} \r\n0\r\n\r\n')
    assert statuses(answer) == [200]
    assert b'{"c":1} ' in place.kept()


def test_where_a_body_ends_must_be_certain(place: Place) -> None:
    assert statuses(place.say(place.head(version="1.0") + b"{}")) == [411]
    assert statuses(place.say(place.head("Transfer-Encoding: chunked", version="1.0") + b"0\r\n\r\n")) == [
        411
    ]
    assert statuses(place.say(place.head("Content-Length: 2", version="1.0") + b"{}")) == [200]


def test_several_requests_at_once_are_answered_in_turn(place: Place) -> None:
    bodies = [b'{"turn":%d}' % number for number in range(5)]
    answer = place.say(b"".join(place.head("Content-Length: 10") + body for body in bodies))
    assert statuses(answer) == [200] * 5
    kept = {callback.id: callback.payload for callback in spooled(place.settings).values()}
    ids = [found.decode() for found in re.findall(rb'"id":"([^"]+)"', answer)]
    assert [kept[each] for each in ids] == bodies


def test_who_asks_first_is_told_to_go_on(place: Place) -> None:
    with place.connect() as connection:
        connection.sendall(place.head("Content-Length: 2", "Expect: 100-continue"))
        assert statuses(connection.recv(65536)) == [100]
        connection.sendall(b"{}")
        assert statuses(connection.recv(65536)) == [200]


def test_a_client_that_ends_its_side_has_its_answer(place: Place) -> None:
    with place.connect() as connection:
        connection.sendall(place.head("Content-Length: 2") + b"{}")
        connection.shutdown(socket.SHUT_WR)
        assert statuses(everything(connection)) == [200]


def test_a_head_comes_in_any_pieces(place: Place) -> None:
    request = place.head("Content-Length: 12") + b'{"pieces":1}'
    with place.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(bytes([byte]))
        assert statuses(connection.recv(65536)) == [200]
    assert b'{"pieces":1}' in place.kept()


STRANGE: dict[str, tuple[bytes, set[int]]] = {
    "two lengths": (b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", {400}),
    "length and chunks": (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "chunks in disguise": (b"Transfer-Encoding: xchunked\r\n\r\n{}", {400}),
    "chunks not last": (b"Transfer-Encoding: chunked, gzip\r\n\r\n{}", {400}),
    "a length that is none": (b"Content-Length: +2\r\n\r\n{}", {400}),
    "a length in words": (b"Content-Length: two\r\n\r\n{}", {400}),
    "a huge length": (b"Content-Length: 99999999999999999999999\r\n\r\n{}", {400, 413}),
    "a space before the colon": (b"Content-Length : 2\r\n\r\n{}", {400}),
    "NUL in a header": (b"X: a\x00b\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "CR in a header": (b"X: a\rb\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "a wrong chunk size": (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", {400}),
    "a chunk size that is negative": (b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", {400}),
    "a chunk size that is huge": (
        b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n{}\r\n",
        {400, 413},
    ),
    "a chunk longer than it says": (b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", {400}),
    "a chunk size that ends in LF": (b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", {400}),
    "chunked twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "chunked, then as it is": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{}", {400}),
    "chunked behind a tab": (b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", {400}),
    "two lengths in one": (b"Content-Length: 2, 2\r\n\r\n{}", {400}),
    "a length in hexadecimal": (b"Content-Length: 0x2\r\n\r\n{}", {400}),
    "a length with a space in it": (b"Content-Length: 2 2\r\n\r\n{}", {400}),
    "an empty length": (b"Content-Length: \r\n\r\n{}", {400}),
    "a header that is split": (b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "a length in a split header": (b"X: a\r\n Content-Length: 2\r\n\r\n{}", {400}),
    "a header without a name": (b": a\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "a header without a colon": (b"X\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "NUL in a header's name": (b"X\x00: a\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "CR in a header's name": (b"X\rY: a\r\nContent-Length: 2\r\n\r\n{}", {400}),
    "a header of 64 KiB": (b"X: " + b"a" * 70_000 + b"\r\nContent-Length: 2\r\n\r\n{}", {431}),
    "many headers": (b"X: a\r\n" * 20_000 + b"Content-Length: 2\r\n\r\n{}", {431}),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_could_be_read_in_two_ways_is_not_read(place: Place, name: str) -> None:
    rest, allowed = STRANGE[name]
    before = len(place.kept())
    found = statuses(place.say(place.head()[:-2] + rest))
    assert len(found) == 1
    assert set(found) <= allowed
    assert len(place.kept()) == before
    assert place.ingress.metric("callweave_ingest_failed_total") == 0


LINES: dict[str, bytes] = {
    "HTTP/0.9": b"GET /callbacks/TOKEN\r\n\r\n",
    "HTTP/0.9 with its number": b"GET /callbacks/TOKEN HTTP/0.9\r\n\r\n",
    "HTTP/2 as if it were known": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.2": b"GET /callbacks/TOKEN?a=1 HTTP/1.2\r\nHost: x\r\n\r\n",
    "NUL in the target": b"GET /callbacks/TOKEN?a=\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "CR in the target": b"GET /callbacks/TOKEN?a=\rb HTTP/1.1\r\nHost: x\r\n\r\n",
    "LF in the target": b"GET /callbacks/TOKEN?a=\nb HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the target": b"GET /callbacks/TOKEN?a= b HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c403030000"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_no_request_of_http_1_is_not_read(place: Place, name: str) -> None:
    before = len(place.kept())
    assert statuses(place.say(LINES[name].replace(b"TOKEN", place.token.encode()))) == [400]
    assert len(place.kept()) == before


def test_what_stands_behind_a_body_is_a_request_of_its_own(place: Place) -> None:
    """Neither swallowed, nor taken for a part of the first, nor answered twice."""
    hidden = place.head("Content-Length: 14", method="POST") + b'{"hidden":"1"}'
    for body in (place.head("Content-Length: 0"), place.head("Transfer-Encoding: chunked") + b"0\r\n\r\n"):
        before = place.kept()
        assert statuses(place.say(body + hidden)) == [200, 200]
        assert place.kept() == sorted([*before, b'{"hidden":"1"}'])
    inside = place.head(f"Content-Length: {len(hidden)}") + hidden
    assert statuses(place.say(inside)) == [400], "it is a body that can't be decoded"


@pytest.mark.parametrize(
    "target", ["http://x/callbacks/TOKEN", "http://other:1/callbacks/TOKEN?a=1", "/callbacks/TOKEN?#x"]
)
def test_absolute_targets_are_as_good(place: Place, target: str) -> None:
    line = f"POST {target.replace('TOKEN', place.token)} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}"
    assert statuses(place.say(line.encode())) == [200]


@pytest.mark.parametrize("target", ["*", "x:443", "http://[::1/", "//", "/%"])
def test_other_targets_do_no_harm(place: Place, target: str) -> None:
    for method in ("POST", "OPTIONS", "CONNECT"):
        line = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        assert set(statuses(place.say(line.encode()))) <= {400, 404, 405}
    assert place.ingress.metric("callweave_ingest_failed_total") == 0


def test_an_upgrade_is_not_taken_up(place: Place) -> None:
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    answer = place.say(place.head("Content-Length: 2", *upgrade) + b"{}")
    assert 101 not in statuses(answer)
    assert statuses(answer)[:1] in ([200], [400])


def test_headers_with_underscores_pass_for_nothing(place: Place) -> None:
    answer = place.say(
        place.head("Content_Type: x", "Content-Type: text/plain", "Content-Length: 10") + b'{"under":1}'[:10]
    )
    assert statuses(answer) in ([200], [400])


def test_a_flood_on_one_connection_ends(place: Place) -> None:
    """It sends and sends, and reads no answer."""
    request = place.head("Content-Length: 1") + b"x"
    with place.connect() as connection:
        connection.settimeout(5)
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(request * 100)
    assert place.ingress.alive()


def test_a_rush_of_new_connections_is_served(place: Place) -> None:
    answers: list[int] = []

    def post() -> None:
        with place.connect() as connection:
            connection.sendall(place.head("Content-Length: 2", "Connection: close") + b"{}")
            answers.extend(statuses(everything(connection)))

    threads = [threading.Thread(target=post) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == [200] * 100


def test_what_comes_at_once_is_answered_and_kept_each_by_itself(place: Place) -> None:
    """More than are answered together, and some that can't be taken among them."""
    head, stranger = place.head("Content-Length: 9"), b"GET /callbacks/x HTTP/1.1\r\nHost: x\r\n\r\n"
    bodies = [b'{"w":%d' % number for number in range(100, 250)]
    sent = [(head + body + b"}", head + body + b"{", stranger) for body in bodies]
    lines = [place.connect() for _ in range(len(bodies))]
    for number, line in enumerate(lines):
        line.sendall(sent[number][number % 3])
    answers = [line.recv(65536) for line in lines]
    for line in lines:
        line.close()
    assert [statuses(answer) for answer in answers] == [[200], [400], [404]] * 50
    kept = {callback.id: callback.payload for callback in spooled(place.settings).values()}
    for body, answer in zip(bodies[::3], answers[::3], strict=True):
        found = re.search(rb'"id":"([^"]+)"', answer)
        assert found is not None
        assert kept[found.group(1).decode()] == body + b"}"


def test_a_source_that_was_just_added_is_known_to_all_who_come_at_once(place: Place) -> None:
    time.sleep(1)  # longer than the file is trusted
    for number in range(3):
        token = new_token(place.settings, f"fresh-{number}")
        with ThreadPoolExecutor(16) as pool:
            answers = [answer.status_code for answer in pool.map(place.ingress.post, [token] * 16)]
        assert answers == [200] * 16


def test_it_ends_at_once_with_idle_connections(tmp_path: Path) -> None:
    settings = new_settings(NO_KAFKA, tmp_path)
    with running(settings, tmp_path) as ingress, socket.create_connection(("127.0.0.1", ingress.port)):
        start = time.monotonic()
        ingress.signal(signal.SIGTERM)
        assert ingress.wait(PATIENCE) == 0
        assert time.monotonic() - start < settings.ingest.drain_seconds
